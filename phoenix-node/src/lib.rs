//! The embedded Proxmox VE node: PVE's HTTP API in process, behind [`phoenix_pve::transport::Transport`], over the
//! `sim` engine: guests with configurations, digests, locks and tasks that take (virtual) time, storages that fill,
//! and inside every guest a model of files, packages, units and users, reached through
//! [`phoenix_pve::channel::GuestChannel`].

mod api;
mod disks;
mod durations;
mod error;
mod fault;
mod files;
mod gpus;
mod lock;
mod node;
mod options;
mod profile;
mod real;
mod schedule;
mod serve;
mod sim;
mod state;
mod store;
mod work;

pub use disks::{Disk, Disks, Part, Zpool};
pub use error::NodeError;
pub use fault::{Calls, Effect, Fault};
pub use gpus::{Gpu, Gpus};
pub use node::{Node, Status};
pub use options::{MachineMode, NodeSeed, Options, StorageSeed, Uplink};
pub use profile::Profile;
pub use serve::{Latency, ServeOptions, Server, reset_served};
