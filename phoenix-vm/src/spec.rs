//! The spec of a virtual machine.

use std::collections::BTreeMap;

use phoenix_core::guest::GuestSpec;
use serde::{Deserialize, Serialize};

/// What the user wants of one virtual machine. Its root disk is `scsi0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it has in common with containers.
    pub guest: GuestSpec,
    /// CPU sockets.
    #[serde(default = "Spec::default_sockets")]
    pub sockets: u32,
    /// The CPU type; PVE's default if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The QEMU guest agent is in use.
    #[serde(default = "Spec::default_agent")]
    pub agent: bool,
    /// Further disks by their keys (`scsi1`, `virtio0`, …).
    #[serde(default)]
    pub disks: BTreeMap<String, Disk>,
    /// The boot order, as disk and network keys; `scsi0` first if not given.
    #[serde(default)]
    pub boot: Vec<String>,
    /// What cloud-init sets up inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
    /// PCI devices of the host, by mapping name or address.
    #[serde(default)]
    pub pci: Vec<String>,
    /// What features claimed, for the reader of a diagnostic: claim → feature.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed: BTreeMap<String, String>,
    /// Set by the planner.
    #[serde(default)]
    pub stamp: phoenix_core::Stamp,
}

/// A further disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// The storage that it is allocated on.
    pub storage: String,
    /// Its size in GiB; it only grows.
    pub gib: u64,
}

/// What cloud-init sets up inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudInit {
    /// The login name (`ciuser`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Public keys that may log in (`sshkeys`).
    #[serde(default)]
    pub ssh_keys: Vec<String>,
    /// Packages are upgraded at the first boot (`ciupgrade`).
    #[serde(default)]
    pub upgrade: bool,
}

impl Spec {
    fn default_sockets() -> u32 {
        1
    }

    fn default_agent() -> bool {
        true
    }
}
