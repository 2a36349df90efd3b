//! The manager of hosts: nodes of Proxmox VE as places where features live, like guests.

mod observed;
mod plan;
mod spec;

pub use observed::Observed;
pub use plan::Hypervisor;
pub use spec::{HostSpec, Part};
