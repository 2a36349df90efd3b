//! The feature `cert-renewal`: a timer of the host that has certificates renewed before they end.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
