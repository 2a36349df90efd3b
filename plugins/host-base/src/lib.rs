//! The feature `host-base`: where the host's packages come from, what it is called, and whom it has the time from.

pub mod config;
mod known;
mod name;
mod plan;
mod sources;
mod time;

pub use config::Config;
pub use plan::feature;
