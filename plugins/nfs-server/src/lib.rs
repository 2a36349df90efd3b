//! The feature `nfs-server`: directories of the host, exported to the addresses that are named and to nobody else.

pub mod config;
mod ganesha;
mod kernel;
mod plan;

pub use config::Config;
pub use plan::feature;
