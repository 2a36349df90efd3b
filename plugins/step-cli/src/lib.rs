//! The feature `step-cli`: the program `step`, which knows the lab's certificate authority.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
