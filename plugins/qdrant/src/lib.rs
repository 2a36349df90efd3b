//! The feature `qdrant`: a database of vectors, complete when it says that it is ready.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
