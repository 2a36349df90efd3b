//! The live channel against real shells: a node and containers with files and processes of their own, an sshd of its own,
//! and a guest agent behind the transport.

mod actions;
mod agent;
mod cluster;
mod machine;
mod probes;
mod raw;
mod ssh;
