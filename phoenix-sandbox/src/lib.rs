//! Real containers under the embedded node: a sandbox of namespaces on this machine that one process holds, images of
//! operating systems, the layers that containers stand on, the containers themselves, by the tools of LXC, and
//! virtual machines, by QEMU. It knows
//! nothing of Proxmox VE's API: `phoenix-node` says what shall be, this crate does it.

mod archive;
mod command;
mod config;
mod containers;
mod disks;
mod error;
mod exports;
mod holder;
mod images;
mod limits;
mod machines;
mod pool;
mod remains;
mod services;
mod trees;

pub use archive::Archive;
pub use command::{Output, run};
pub use config::{ContainerSpec, Mount, MountSource, Net};
pub use containers::Containers;
pub use disks::{CopyOf, Disk, DiskKind, Disks, NewDisk, Owners, SHIFT, Stack};
pub use error::SandboxError;
pub use holder::{
    Bridge, Forward, Outside, OutsideSpec, Sandbox, SandboxSpec, SandboxStatus, lacking, lacking_for_uplink,
};
pub use images::{Family, Images, families, family};
pub use machines::{
    AgentError, AgentReply, Card, Drive, MachineSpec, Machines, Order, Seed, lacking_for_machines,
    machine_family,
};
