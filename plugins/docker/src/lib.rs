//! The feature `docker`: Docker Engine with its compose plugin, in containers and virtual machines.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
