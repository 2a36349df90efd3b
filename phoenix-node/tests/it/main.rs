//! The embedded node from outside: what it answers is what a real one answers.

mod backup;
mod channel;
mod cluster;
mod faults;
mod firewall;
mod guests;
mod host;
mod http;
mod kit;
mod lxc;
mod persistence;
mod qemu;
mod real;
mod storage;
mod walls;
