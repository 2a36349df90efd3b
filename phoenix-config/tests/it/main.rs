//! Tests over whole config directories.

mod homelab;
mod migration;
mod predecessor;
