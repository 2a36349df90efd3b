//! The feature `apparmor-profiles`: profiles of AppArmor that containers name, on the host that confines them.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
