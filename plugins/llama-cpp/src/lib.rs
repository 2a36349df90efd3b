//! The feature `llama-cpp`: llama.cpp's server with one model, complete when its own health check answers.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
