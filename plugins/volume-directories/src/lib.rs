//! The feature `volume-directories`: directories of the host that guests share, each with one owner.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
