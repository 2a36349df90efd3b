//! Storages: how they are defined, what they may hold, how large they are, and the volumes that belong to no guest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    options::StorageSeed,
    state::{
        State,
        config::hex,
        plugin_facts,
        volume::{Plugin, Volume},
    },
};

/// A storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) plugin: String,
    pub(crate) content: BTreeSet<String>,
    pub(crate) total: u64,
    /// Every other option of its definition, as PVE writes it.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
    /// What belongs to no guest that is there: OS templates, images to import, ISO images, backups, and disks that
    /// were allocated by hand; by volid.
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Until when its allocation lock is spoken for, in milliseconds of the node's monotonic time. Allocations of one
    /// storage queue up behind one lock.
    #[serde(skip)]
    pub(crate) busy_until: u64,
}

impl Storage {
    pub(crate) fn from_seed(seed: &StorageSeed) -> Self {
        let mut storage = Self::new(&seed.name, &seed.plugin, seed.total, BTreeMap::new());
        storage.content.clone_from(&seed.content);
        storage.volumes =
            seed.volumes.iter().map(|(volid, size)| (volid.clone(), Volume::file(volid, *size))).collect();
        let default = |key: &str, value: String| (key.to_owned(), value);
        storage.options.extend(match seed.plugin.as_str() {
            "dir" if seed.name == "local" => vec![
                default("path", "/var/lib/vz".to_owned()),
                default("prune-backups", "keep-all=1".to_owned()),
            ],
            "dir" | "btrfs" => vec![default("path", format!("/mnt/{}", seed.name))],
            "zfspool" => vec![default("pool", "rpool/data".to_owned())],
            "lvm" => vec![default("vgname", "pve".to_owned())],
            "lvmthin" => vec![default("thinpool", "data".to_owned()), default("vgname", "pve".to_owned())],
            _ => Vec::new(),
        });
        storage.options.extend(seed.definition.clone());
        storage
    }

    /// Returns an empty storage with these options, which were checked.
    pub(crate) fn new(name: &str, plugin: &str, total: u64, options: BTreeMap<String, String>) -> Self {
        let facts = plugin_facts::of(plugin);
        let mut storage = Self {
            plugin: plugin.to_owned(),
            content: facts.iter().flat_map(|facts| facts.default_content()).map(str::to_owned).collect(),
            total,
            options: BTreeMap::new(),
            volumes: BTreeMap::new(),
            busy_until: 0,
        };
        storage.change(options);
        if facts.is_some_and(|facts| facts.has_files()) && plugin != "dir" && plugin != "btrfs" {
            storage.options.entry("path".to_owned()).or_insert_with(|| format!("/mnt/pve/{name}"));
        }
        storage
    }

    /// Sets options, which were checked; secrets are not kept.
    pub(crate) fn change(&mut self, options: BTreeMap<String, String>) {
        for (key, value) in options {
            match key.as_str() {
                "content" => self.content = words(&value).map(str::to_owned).collect(),
                key if plugin_facts::is_secret(key) => {}
                "nodes" => {
                    let nodes: BTreeSet<&str> = words(&value).collect();
                    let text = nodes.into_iter().collect::<Vec<_>>().join(",");
                    self.options.insert(key, text);
                }
                _ => drop(self.options.insert(key, value)),
            }
        }
    }

    /// Takes an option away.
    pub(crate) fn remove(&mut self, key: &str) {
        match (key, plugin_facts::of(&self.plugin)) {
            ("content", Some(facts)) => self.content = facts.default_content().map(str::to_owned).collect(),
            _ => drop(self.options.remove(key)),
        }
    }

    pub(crate) fn kind(&self) -> Plugin {
        Plugin::of(&self.plugin)
    }

    /// Returns the contents joined by commas.
    pub(crate) fn content_list(&self) -> String {
        self.content.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// Tells whether every node sees the same.
    pub(crate) fn is_shared(&self) -> bool {
        self.option("shared") == Some("1")
            || plugin_facts::of(&self.plugin).is_some_and(|facts| facts.is_shared)
    }

    /// Tells whether a node uses it.
    pub(crate) fn is_enabled(&self, node: &str) -> bool {
        self.option("disable") != Some("1")
            && self.option("nodes").is_none_or(|nodes| words(nodes).any(|name| name == node))
    }

    /// Tells whether its volumes are files below a path.
    pub(crate) fn has_files(&self) -> bool {
        plugin_facts::of(&self.plugin).is_some_and(|facts| facts.has_files())
    }

    /// Returns the formats that its images can have, the usual one first.
    pub(crate) fn formats(&self) -> &'static [&'static str] {
        match self.kind() {
            Plugin::Files => &["raw", "qcow2", "subvol", "vmdk"],
            Plugin::Btrfs | Plugin::Zfs => &["raw", "subvol"],
            Plugin::Thin | Plugin::Thick => &["raw"],
        }
    }
}

impl State {
    /// Returns the digest of all definitions, which PVE keeps in one file.
    pub(crate) fn storage_digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, storage) in &self.storages {
            hash.update(format!("{}: {name}\n\tcontent {}\n", storage.plugin, storage.content_list()));
            for (key, value) in &storage.options {
                hash.update(format!("\t{key} {value}\n"));
            }
        }
        let mut text = hex(&hash.finalize());
        text.truncate(40);
        text
    }

    /// Returns a storage that a node uses; fails in PVE's words.
    pub(crate) fn enabled_storage(&self, name: &str, node: &str) -> Result<&Storage, String> {
        let storage = self.storages.get(name).ok_or_else(|| format!("storage '{name}' does not exist"))?;
        if storage.option("disable") == Some("1") {
            return Err(format!("storage '{name}' is disabled"));
        }
        if !storage.is_enabled(node) {
            return Err(format!("storage '{name}' is not available on node '{node}'"));
        }
        Ok(storage)
    }

    /// Returns a volume by its volid, a guest's own or one that belongs to no guest.
    pub(crate) fn volume(&self, volid: &str) -> Option<&Volume> {
        let (name, _) = volid.split_once(':')?;
        let own = self.storages.get(name).and_then(|storage| storage.volumes.get(volid));
        own.or_else(|| self.guests.values().find_map(|guest| guest.volumes.get(volid)))
    }

    /// Gives a guest the volumes of its number that were allocated by hand, once it uses one of them.
    pub(crate) fn adopt(&mut self, vmid: u32, volid: &str) {
        let Some(name) = volid.split_once(':').map(|(name, _)| name) else { return };
        let is_image = |volume: &Volume| matches!(volume.content.as_str(), "images" | "rootdir");
        let Some(storage) = self.storages.get_mut(name) else { return };
        if !storage.volumes.get(volid).is_some_and(is_image) {
            return;
        }
        let (Some(volume), Some(guest)) = (storage.volumes.remove(volid), self.guests.get_mut(&vmid)) else {
            return;
        };
        guest.volumes.insert(volid.to_owned(), volume);
        self.dirty.storages = true;
        self.dirty.guests.insert(vmid);
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ']).filter(|word| !word.is_empty())
}

/// Returns the folder that a storage of files has on its node.
pub(crate) fn folder(name: &str) -> String {
    if name == "local" { "/var/lib/vz".to_owned() } else { format!("/mnt/{name}") }
}
