//! The embedded node from outside: what it answers is what a real one answers.

mod channel;
mod faults;
mod http;
mod kit;
mod lxc;
mod persistence;
mod qemu;
mod storage;
