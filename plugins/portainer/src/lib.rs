//! The feature `portainer`: its server, or the agent that a server reaches a guest's Docker through.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
