//! Tests of phoenix-core with a toy manager, a toy feature and a toy backend: nothing here knows Proxmox VE.

mod engine;
mod planner;
mod toy;
mod words;
