//! Tests over whole config directories.

mod homelab;
mod predecessor;
