//! The manager, where every manager crate has it.

pub use crate::firewall::Firewall;
