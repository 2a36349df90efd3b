//! A guest: its configuration, its snapshots, its volumes, whether it runs, and its inner world.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    sim::{programs::Ran, world::World},
    state::{config, volume::Volume},
};

/// A container or virtual machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guest {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    /// The configuration as stored: a text a key.
    pub(crate) config: BTreeMap<String, String>,
    /// What waits for the next start: a new value, or a removal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pending: BTreeMap<String, Option<String>>,
    /// The raw `lxc.*` lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) raw: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    /// Its volumes by volid.
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) running: bool,
    #[serde(default)]
    pub(crate) started: u64,
    pub(crate) world: World,
    /// The node that it is on; empty for the one that the state is named after.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) node: String,
    /// Whether it was halted where it stood.
    #[serde(default)]
    pub(crate) paused: bool,
    /// Its former volumes whose data is still on this machine, where guests are real: their names are not given again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) trash: BTreeSet<String>,
    /// Whether it is a virtual machine that a container stands for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) as_container: bool,
    /// The sizes at which file systems were made on volumes that have grown since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) formatted: BTreeMap<String, u64>,
    /// How the programs ended that its agent was asked to run, by their pid.
    #[serde(skip)]
    pub(crate) ran: BTreeMap<u64, Ran>,
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) description: String,
    pub(crate) snaptime: u64,
    /// How many snapshots were taken before it, for the order of those of one second.
    pub(crate) serial: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) raw: Vec<(String, String)>,
    pub(crate) world: World,
    #[serde(default)]
    pub(crate) vmstate: bool,
}

impl Guest {
    /// Returns a guest that has nothing but a lock.
    pub(crate) fn reserved(kind: GuestKind, vmid: u32, lock: &str) -> Self {
        Self {
            kind,
            vmid,
            config: BTreeMap::from([("lock".to_owned(), lock.to_owned())]),
            pending: BTreeMap::new(),
            raw: Vec::new(),
            snapshots: BTreeMap::new(),
            volumes: BTreeMap::new(),
            running: false,
            started: 0,
            world: World::default(),
            node: String::new(),
            paused: false,
            trash: BTreeSet::new(),
            as_container: false,
            formatted: BTreeMap::new(),
            ran: BTreeMap::new(),
        }
    }

    /// Gives up a volume and what is in it.
    pub(crate) fn discard(&mut self, volid: &str) {
        if self.volumes.remove(volid).is_some() {
            self.trash.insert(volid.to_owned());
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    pub(crate) fn is_template(&self) -> bool {
        self.get("template") == Some("1")
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.get("protection") == Some("1")
    }

    pub(crate) fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Returns the name that lists show.
    pub(crate) fn name(&self) -> String {
        let (key, prefix) = match self.kind {
            GuestKind::Lxc => ("hostname", "CT"),
            GuestKind::Vm => ("name", "VM "),
        };
        self.get(key).map_or_else(|| format!("{prefix}{}", self.vmid), |name| name.trim().to_owned())
    }

    /// Returns the digest of the stored configuration with everything that PVE keeps in the same file.
    pub(crate) fn digest(&self) -> String {
        config::digest(self)
    }

    /// Returns the text with which PVE refuses to work on a locked guest.
    pub(crate) fn lock_error(&self) -> Option<String> {
        let lock = self.lock()?;
        let noun = match self.kind {
            GuestKind::Lxc => "CT",
            GuestKind::Vm => "VM",
        };
        Some(format!("{noun} is locked ({lock})"))
    }

    /// Returns the keys of disks with volumes of this guest's own, with the volid of each.
    pub(crate) fn disks(&self) -> Vec<(String, String)> {
        disks_of(&self.config, self.kind)
    }
}

/// Returns the keys of a configuration that hold a volume, with the volid of each.
pub(crate) fn disks_of(config: &BTreeMap<String, String>, kind: GuestKind) -> Vec<(String, String)> {
    config
        .iter()
        .filter(|(key, _)| config::is_disk(kind, key))
        .filter_map(|(key, value)| {
            let volid = config::volume_of(value);
            (volid.contains(':') && !volid.starts_with('/')).then(|| (key.clone(), volid.to_owned()))
        })
        .collect()
}
