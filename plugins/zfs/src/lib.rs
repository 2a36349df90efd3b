//! The feature `zfs`: pools and datasets of the host. A pool is made on disks that are proven empty and on no others; one that
//! is there is never made again.

pub mod config;
mod datasets;
mod disks;
mod plan;
mod pools;
mod property;

pub use config::Config;
pub use plan::feature;
