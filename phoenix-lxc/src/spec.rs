//! The spec of a container.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::guest::GuestSpec;
use serde::{Deserialize, Serialize};

/// What the user wants of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it has in common with virtual machines.
    pub guest: GuestSpec,
    /// Swap in MiB.
    #[serde(default)]
    pub swap_mib: u64,
    /// Its root is not the host's root. Fixed when it is created.
    #[serde(default = "Spec::default_unprivileged")]
    pub unprivileged: bool,
    /// Mount points. The place inside identifies one, not its number.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// PVE's container features: `nesting`, `keyctl`, `fuse`, … each with its value (`1`, or `nfs;cifs` for `mount`).
    #[serde(default)]
    pub features: BTreeMap<String, String>,
    /// Devices of the host, by their paths.
    #[serde(default)]
    pub devices: BTreeMap<String, Device>,
    /// Raw `lxc.*` lines, for what the API has no key for.
    #[serde(default)]
    pub raw: BTreeSet<(String, String)>,
    /// What features claimed, for the reader of a diagnostic: claim → feature.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed: BTreeMap<String, String>,
    /// Set by the planner.
    #[serde(default)]
    pub stamp: phoenix_core::Stamp,
}

/// A mount point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The absolute path inside.
    pub target: String,
    /// What is mounted there.
    pub source: MountSource,
    /// Not writable from inside.
    #[serde(default)]
    pub read_only: bool,
    /// Included in backups (volumes only).
    #[serde(default)]
    pub backup: bool,
    /// The owner of the directory, as a uid inside the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group of the directory, as a gid inside the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// What a mount point shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MountSource {
    /// A volume of its own.
    Volume {
        /// The storage that it is allocated on.
        storage: String,
        /// Its size in GiB; it only grows.
        gib: u64,
    },
    /// A directory of the host.
    Bind {
        /// Its absolute path on the host.
        path: String,
    },
}

/// How a device of the host is given to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Permission bits inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// The owner inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

impl Spec {
    fn default_unprivileged() -> bool {
        true
    }
}
