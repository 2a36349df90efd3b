//! What is known of a firewall, where every manager crate has it.

pub use crate::firewall::Observed;
