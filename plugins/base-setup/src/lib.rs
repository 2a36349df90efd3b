//! The feature `base-setup`: what every guest has before anything else is installed in it, namely packages, a locale,
//! a time zone, user accounts and the keys that may log in.
//!
//! It is the model of a feature crate: `config` is what the user writes, `probes` what must be known, `plan` what is
//! missing.

pub mod config;
mod name;
mod plan;
mod probes;
mod schema;
mod setup;

pub use config::Config;
pub use setup::{BaseSetup, feature};
