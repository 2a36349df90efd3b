//! Tests of phoenix-core with a toy manager, a toy feature and a toy backend: nothing here knows Proxmox VE.

#![allow(clippy::disallowed_methods, reason = "a backend takes its time, and the tests run it")]

mod engine;
mod planner;
mod toy;
mod words;
