//! The feature `nvidia-driver`: NVIDIA's driver for the kernel of the host, in exactly one version.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
