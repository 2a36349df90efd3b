//! Tests over whole config directories.

mod directory;
mod finding;
mod homelab;
mod host;
mod kit;
mod migration;
mod objects;
mod plugin;
mod predecessor;
mod setup;
mod stack;
