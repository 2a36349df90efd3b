//! Storages: what they may hold, how large they are, and the volumes that belong to no guest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    options::StorageSeed,
    state::volume::{Plugin, Volume},
};

/// A storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) plugin: String,
    pub(crate) content: BTreeSet<String>,
    pub(crate) total: u64,
    /// OS templates, images to import, ISO images: by volid.
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Until when its allocation lock is spoken for, in milliseconds of the node's monotonic time. Allocations of one
    /// storage queue up behind one lock.
    #[serde(skip)]
    pub(crate) busy_until: u64,
}

impl Storage {
    pub(crate) fn from_seed(seed: &StorageSeed) -> Self {
        Self {
            plugin: seed.plugin.clone(),
            content: seed.content.clone(),
            total: seed.total,
            volumes: seed
                .volumes
                .iter()
                .map(|(volid, size)| (volid.clone(), Volume::file(volid, *size)))
                .collect(),
            busy_until: 0,
        }
    }

    pub(crate) fn kind(&self) -> Plugin {
        Plugin::of(&self.plugin)
    }

    /// Returns the contents joined by commas.
    pub(crate) fn content_list(&self) -> String {
        self.content.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }
}
