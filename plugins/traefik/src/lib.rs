//! The feature `traefik`: routes requests to services by their host names, from a file.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
