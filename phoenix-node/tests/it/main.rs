//! The embedded node from outside: what it answers is what a real one answers.

mod channel;
mod cluster;
mod faults;
mod firewall;
mod guests;
mod http;
mod kit;
mod lxc;
mod persistence;
mod qemu;
mod storage;
