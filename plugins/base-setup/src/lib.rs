//! The feature `base-setup`: what every guest has before anything else is installed in it, namely packages, a locale,
//! a time zone, user accounts and the keys that may log in.

pub mod config;
mod name;
mod plan;
mod schema;

pub use config::Config;
pub use plan::feature;
