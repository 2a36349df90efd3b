//! The feature `vllm`: a server of language models, in a pinned version, with the engine options of the configuration,
//! complete when its own health check answers.

pub mod config;
mod engine;
mod options;
mod plan;

pub use config::Config;
pub use plan::feature;
