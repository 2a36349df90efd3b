//! The manager of a node's network interfaces: bridges, bonds, VLANs. Changes come into force together, under a guard that
//! puts the former ones back unless the node is reached again.

mod lockout;
mod observed;
mod order;
mod plan;
mod spec;

pub use observed::Observed;
pub use plan::Interfaces;
pub use spec::NetworkSpec;
