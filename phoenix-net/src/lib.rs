//! The network plane: what follows from the declarations of services and networks. Pure functions of values.
//!
//! [`weave()`] adds to what is desired all that follows from it. [`firewall`] is the manager of Proxmox VE's firewalls.

pub mod firewall;
pub mod health;
mod observed;
mod plan;
mod spec;
mod weave;

pub use observed::Observed;
pub use plan::Firewall;
pub use spec::FirewallSpec;
pub use weave::weave;
