//! The feature `python-api-service`: an HTTP service in Python, in a virtual environment of its own.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
