//! The live channel against real shells: a node and containers with files and processes of their own, an sshd of its own,
//! and a guest agent behind the transport.

#![allow(clippy::print_stdout, reason = "what makes the node says why a test is skipped")]

mod actions;
mod agent;
mod artifacts;
mod cluster;
mod guard;
mod machine;
mod probes;
mod raw;
mod ssh;
