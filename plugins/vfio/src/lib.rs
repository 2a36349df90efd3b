//! The feature `vfio`: PCI devices of the host that virtual machines have for themselves, kept from the host's own drivers.

mod cmdline;
pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
