//! The feature `nfs-mounts`: directories of an NFS server, mounted in virtual machines.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
