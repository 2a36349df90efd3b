//! The feature `dnsmasq`: a name server of one's own names, for those inside and, if wanted, for those outside.

pub mod config;
mod plan;
mod server;

pub use config::Config;
pub use plan::feature;
