//! The spec of this crate's manager, where every manager crate has it.

pub use crate::firewall::FirewallSpec;
