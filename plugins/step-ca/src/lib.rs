//! The feature `step-ca`: a certificate authority of one's own, with ACME.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
