//! The feature `samba`: directories of the host, shared with the users that are named, and with guests only where that is said.

mod conf;
pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
