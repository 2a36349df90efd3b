//! Plugins of every sort, good and bad, in a process of their own and in this one: each bad one is one clear error.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod call;
mod file;
mod kit;
mod panic;
