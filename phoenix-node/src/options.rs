//! How a node is made: its name, its size, its storages and bridges, and how fast its time runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{disks::Disks, gpus::Gpus};

/// How a node behaves and what it starts with.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many times faster than the table of durations its tasks run. Infinity lets them take no time.
    pub speed: f64,
    /// What it has. A directory that is opened again keeps all that it had, and gains what the seed newly names.
    pub seed: NodeSeed,
    /// What real machines are. Those that are there stay what they are.
    pub machines: MachineMode,
}

/// What virtual machines of a node of real guests are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineMode {
    /// Machines that QEMU runs.
    #[default]
    Qemu,
    /// Containers with the same name, disk and addresses.
    Containers,
}

/// What a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeed {
    /// Its name.
    pub name: String,
    /// Logical CPUs.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Its storages.
    pub storages: Vec<StorageSeed>,
    /// Its bridges.
    pub bridges: BTreeSet<String>,
    /// The first bridge, and its address with prefix length and gateway, if they are not those of every embedded node.
    pub uplink: Option<Uplink>,
    /// Its graphics cards.
    pub gpus: Gpus,
    /// Whether a driver that it has already stays, whichever these come with.
    pub keeps_driver: bool,
    /// Its disks, and their pools.
    pub disks: Disks,
    /// Names for PCI devices of it, with their addresses.
    pub mappings: BTreeMap<String, String>,
    /// Whether this is all that it has: what a later seed names is not added.
    pub is_complete: bool,
    /// The password of `root@pam`, if it has none yet.
    pub password: Option<String>,
}

/// The bridge that has the node's own address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// Its name.
    pub bridge: String,
    /// The address with prefix length.
    pub address: String,
    /// The gateway.
    pub gateway: Option<String>,
}

/// A storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageSeed {
    /// Its name.
    pub name: String,
    /// PVE's type: `dir`, `zfspool`, `lvmthin`, `btrfs`, …
    pub plugin: String,
    /// What it may hold: `images`, `rootdir`, `vztmpl`, `iso`, `import`, …
    pub content: BTreeSet<String>,
    /// Bytes in all.
    pub total: u64,
    /// The files that it holds from the beginning: volume name and size in bytes.
    pub volumes: Vec<(String, u64)>,
    /// How it is defined, in PVE's words, as far as it is not what a storage of its type usually is.
    pub definition: BTreeMap<String, String>,
}

const GIB: u64 = 1 << 30;

impl Default for Options {
    fn default() -> Self {
        Self { speed: 1.0, seed: NodeSeed::default(), machines: MachineMode::Qemu }
    }
}

impl Default for NodeSeed {
    fn default() -> Self {
        Self {
            name: "phoenix".to_owned(),
            cores: 32,
            memory: 128 * GIB,
            storages: vec![
                StorageSeed::new(
                    "local",
                    "dir",
                    &["backup", "images", "import", "iso", "rootdir", "snippets", "vztmpl"],
                    512 * GIB,
                ),
                StorageSeed::new("local-zfs", "zfspool", &["images", "rootdir"], 4096 * GIB),
            ],
            bridges: BTreeSet::from(["vmbr0".to_owned()]),
            uplink: None,
            gpus: Gpus::default(),
            keeps_driver: false,
            disks: Disks::default(),
            mappings: BTreeMap::new(),
            is_complete: false,
            password: None,
        }
    }
}

impl StorageSeed {
    /// Returns a storage of a plugin with these contents and size.
    pub fn new(name: &str, plugin: &str, content: &[&str], total: u64) -> Self {
        Self {
            name: name.to_owned(),
            plugin: plugin.to_owned(),
            content: content.iter().map(|&word| word.to_owned()).collect(),
            total,
            volumes: Vec::new(),
            definition: BTreeMap::new(),
        }
    }
}
