//! The feature `trusted-ca`: programs of the guest trust the certificates of these authorities.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
