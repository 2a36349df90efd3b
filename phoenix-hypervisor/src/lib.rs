//! The managers of the hypervisor: nodes of Proxmox VE as places where features live, like guests; and what Proxmox VE keeps
//! by its API: storages, users and their rights, network interfaces.

pub mod access;
pub mod inventory;
pub mod network;
mod object;
mod observed;
mod plan;
mod spec;
pub mod storage;

pub use observed::Observed;
pub use plan::Hypervisor;
pub use spec::{HostSpec, Part};
