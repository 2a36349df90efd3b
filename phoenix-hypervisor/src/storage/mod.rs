//! The manager of storages: what Proxmox VE defines for the whole cluster.

mod observed;
mod plan;
mod spec;

pub use observed::Observed;
pub(crate) use observed::{is_ours, is_shipped};
pub use plan::Storages;
pub use spec::StorageSpec;
