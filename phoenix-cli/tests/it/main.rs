//! The `phoenix` program as its users meet it: every message that they can get, asserted as a whole.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod cards;
mod cert;
mod codes;
mod config;
mod crash;
mod help;
mod homelab;
mod host;
mod interrupt;
mod lab;
mod machine;
mod migration;
mod node;
mod outside;
mod plane;
mod plugin;
mod privileges;
mod real;
mod refusal;
mod run;
mod serve;
mod setup_mended;
mod setup_power;
mod setup_reboot;
mod setup_software;
mod unreadable;
