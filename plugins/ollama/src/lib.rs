//! The feature `ollama`: a server of language models in the format GGUF, with the models that it shall have.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
