//! The sandbox: the "Proxmox VE host" under the embedded node. One process, the *holder*, is the first of a process
//! namespace and holds with it namespaces of mounts, network, names and messages. It outlives the command that began
//! it, the next command finds it again, and when it ends, however that happens, the kernel ends everything in it.

mod begin;
mod bridges;
mod cgroups;
mod limits;
mod loops;
mod outside;
mod pool;
mod process;
mod programs;
mod record;
mod rules;
mod sandbox;
mod spec;
mod uplink;

pub use outside::{Forward, Outside, OutsideSpec};
pub(crate) use pool::hindrance;
pub(crate) use programs::find;
pub use programs::{lacking, lacking_for_uplink};
pub use sandbox::{Sandbox, SandboxStatus};
pub use spec::{Bridge, SandboxSpec};
