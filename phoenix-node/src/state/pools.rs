//! Pools: guests and storages that belong together, so that one can be given rights on all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Pools by name; a name with slashes is a pool within a pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pools(pub(crate) BTreeMap<String, Pool>);

/// A pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    /// Guests; some may not be there yet, or not any more.
    pub(crate) guests: BTreeSet<u32>,
    pub(crate) storages: BTreeSet<String>,
}

impl Pools {
    /// Returns the pool that a guest is in.
    pub(crate) fn of_guest(&self, vmid: u32) -> Option<&str> {
        let found = self.0.iter().find(|(_, pool)| pool.guests.contains(&vmid));
        found.map(|(name, _)| name.as_str())
    }

    /// Puts a guest into a pool that is there, and takes it out of the one it was in.
    pub(crate) fn put(&mut self, vmid: u32, name: &str) {
        if self.0.contains_key(name) {
            self.forget_guest(vmid);
        }
        if let Some(pool) = self.0.get_mut(name) {
            pool.guests.insert(vmid);
        }
    }

    /// Takes a guest out of its pool; tells whether it was in one.
    pub(crate) fn forget_guest(&mut self, vmid: u32) -> bool {
        // A guest is in one pool at most.
        self.0.values_mut().any(|pool| pool.guests.remove(&vmid))
    }
}
