//! What a node is made of, as plain data: guests, volumes, storages and tasks. Nothing here waits or touches a file;
//! what changed is noted for the store.

pub(crate) mod access;
pub(crate) mod acl;
pub(crate) mod backup;
pub(crate) mod change;
pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod ext4;
pub(crate) mod firewall;
pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod kept;
pub(crate) mod plugin_facts;
pub(crate) mod pools;
pub(crate) mod rights;
pub(crate) mod roles;
pub(crate) mod secret;
pub(crate) mod sections;
pub(crate) mod storage;
pub(crate) mod task;
pub(crate) mod volname;
pub(crate) mod volume;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use phoenix_core::GuestKind;

pub(crate) use cluster::Cluster;

use crate::{
    gpus::Gpus,
    options::NodeSeed,
    real::Errand,
    sim::{
        boot, disks,
        world::{Delta, World},
    },
    state::{guest::Guest, kept::Kept, storage::Storage, task::Task},
};

/// How many finished tasks are kept in memory; the archive file keeps all.
const ARCHIVE_LIMIT: usize = 20_000;

/// The node's whole state.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) name: String,
    /// Whether the node has all that it shall have: seeds add nothing.
    pub(crate) is_complete: bool,
    /// The other nodes of the cluster, which are simulated along with this one.
    pub(crate) peers: BTreeSet<String>,
    pub(crate) cores: u32,
    pub(crate) memory: u64,
    pub(crate) booted: u64,
    pub(crate) bridges: BTreeSet<String>,
    pub(crate) gpus: Gpus,
    pub(crate) storages: BTreeMap<String, Storage>,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) access: Kept<access::Access>,
    pub(crate) pools: Kept<pools::Pools>,
    pub(crate) firewall: Kept<firewall::Firewalls>,
    pub(crate) cluster: Kept<cluster::Cluster>,
    pub(crate) backups: Kept<backup::Backups>,
    pub(crate) hosts: Kept<host::Hosts>,
    /// The host's own world, for sites that are nodes.
    pub(crate) host: World,
    /// Running tasks by UPID.
    pub(crate) active: BTreeMap<String, Task>,
    /// Finished tasks, oldest first.
    pub(crate) archive: VecDeque<Arc<Task>>,
    /// Frozen parts of guests' worlds, by the hash of their content.
    pub(crate) layers: BTreeMap<String, Arc<Delta>>,
    /// What the status daemon saw of the guests when it last looked; nothing where the rows are always current.
    pub(crate) seen: Option<BTreeMap<u32, serde_json::Map<String, serde_json::Value>>>,
    pub(crate) dirty: Dirty,
    pub(crate) next_pid: u32,
    /// Whether guests are real.
    pub(crate) is_real: bool,
    /// Whether new virtual machines are containers.
    pub(crate) machines_as_containers: bool,
    /// What the call that is being answered asks of an agent.
    pub(crate) errand: Option<Errand>,
    /// New tasks that nobody works on yet.
    pub(crate) waiting: Vec<String>,
    usage: BTreeMap<u32, BTreeMap<(String, String), u64>>,
    /// What guests take, by the node and the storage.
    used: BTreeMap<(String, String), u64>,
}

/// What must be written.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) guests: BTreeSet<u32>,
    pub(crate) node: bool,
    pub(crate) storages: bool,
    pub(crate) host: bool,
    pub(crate) layers: Vec<String>,
    pub(crate) tasks: BTreeSet<String>,
    pub(crate) finished: Vec<Arc<Task>>,
}

impl State {
    /// Adds what the seed newly names; removes nothing.
    pub(crate) fn merge_seed(&mut self, seed: &NodeSeed) {
        if self.name.is_empty() {
            self.name.clone_from(&seed.name);
            self.booted = now();
            self.next_pid = 4096;
            self.host = World::of_host();
            // What every node does when it comes up.
            self.file_done("startall", "root@pam");
        }
        if self.is_complete {
            return;
        }
        self.is_complete = seed.is_complete;
        self.cores = seed.cores;
        self.memory = seed.memory;
        self.bridges.extend(seed.bridges.iter().cloned());
        self.merge_uplink(seed.uplink.as_ref());
        self.merge_devices(seed);
        for storage in &seed.storages {
            self.storages.entry(storage.name.clone()).or_insert_with(|| Storage::from_seed(storage));
        }
        boot::show(&mut self.host);
        let mut own = self.host.disks().clone();
        own.merge(&seed.disks);
        disks::show(&mut self.host, &own);
        self.dirty.node = true;
        self.dirty.storages = true;
        self.dirty.host = true;
    }

    /// Tells whether a name is that of a node of the cluster.
    pub(crate) fn has_node(&self, name: &str) -> bool {
        name == "localhost" || name == self.name || self.peers.contains(name)
    }

    /// Lets the cluster have at least so many nodes: `pve1` is joined by `pve2`, `phoenix` by `phoenix2`.
    pub(crate) fn grow_cluster(&mut self, nodes: u32) {
        let stem = self.name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let first: u32 = self.name[stem.len()..].parse().unwrap_or(1);
        let peers = (1..nodes).map(|more| format!("{stem}{}", first.saturating_add(more)));
        self.peers.extend(peers);
        self.dirty.node = true;
    }

    /// Returns the names of all nodes.
    pub(crate) fn all_nodes(&self) -> BTreeSet<String> {
        self.peers.iter().chain([&self.name]).cloned().collect()
    }

    /// Returns the node that a guest is on.
    pub(crate) fn node_of<'a>(&'a self, guest: &'a Guest) -> &'a str {
        if guest.node.is_empty() { &self.name } else { &guest.node }
    }

    /// Returns a guest of a kind.
    pub(crate) fn guest(&self, kind: GuestKind, vmid: u32) -> Option<&Guest> {
        self.guests.get(&vmid).filter(|guest| guest.kind == kind)
    }

    /// Returns a guest of a kind to be changed; it will be written.
    pub(crate) fn guest_mut(&mut self, kind: GuestKind, vmid: u32) -> Option<&mut Guest> {
        let guest = self.guests.get_mut(&vmid).filter(|guest| guest.kind == kind)?;
        self.dirty.guests.insert(vmid);
        Some(guest)
    }

    /// Adds or replaces a guest.
    pub(crate) fn put_guest(&mut self, mut guest: Guest) {
        guest.as_container |= guest.kind == GuestKind::Vm && self.machines_as_containers;
        self.dirty.guests.insert(guest.vmid);
        self.guests.insert(guest.vmid, guest);
    }

    /// Removes a guest with its volumes.
    pub(crate) fn remove_guest(&mut self, vmid: u32) {
        if self.guests.remove(&vmid).is_some() {
            self.dirty.guests.insert(vmid);
            if self.pools.of_guest(vmid).is_some() {
                self.pools.forget_guest(vmid);
            }
            let path = format!("/vms/{vmid}");
            if self.access.acl.has_path(&path) {
                self.access.acl.forget_path(&path);
            }
        }
        if self.firewall.guests.contains_key(&vmid) {
            self.firewall.guests.remove(&vmid);
        }
    }

    /// Returns the bytes that a storage's volumes really take on this node.
    pub(crate) fn used(&mut self, storage: &str) -> u64 {
        let node = self.name.clone();
        self.used_on(&node, storage)
    }

    /// Returns the bytes that a storage's volumes really take on a node.
    pub(crate) fn used_on(&mut self, node: &str, storage: &str) -> u64 {
        self.settle_usage();
        let Some(found) = self.storages.get(storage) else { return 0 };
        // What belongs to no guest lies on the first node.
        let is_here = found.is_shared() || node == self.name;
        let own = if is_here { found.volumes.values().map(|volume| volume.used).sum() } else { 0 };
        let key = (self.place_of(node, storage), storage.to_owned());
        own + self.used.get(&key).copied().unwrap_or(0)
    }

    /// Returns the bytes free on a storage of a node.
    pub(crate) fn free_on(&mut self, node: &str, storage: &str) -> u64 {
        let used = self.used_on(node, storage);
        self.storages.get(storage).map_or(0, |found| found.total.saturating_sub(used))
    }

    /// Returns the bytes free on a storage of this node.
    pub(crate) fn free(&mut self, storage: &str) -> u64 {
        let node = self.name.clone();
        self.free_on(&node, storage)
    }

    /// Returns the node whose copy of a storage is meant: a shared one has only one.
    fn place_of(&self, node: &str, storage: &str) -> String {
        match self.storages.get(storage).is_some_and(Storage::is_shared) {
            true => String::new(),
            false => node.to_owned(),
        }
    }

    /// Freezes the changes at the top of a guest's world into a layer that others can share.
    pub(crate) fn freeze(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get_mut(&vmid) else { return };
        if let Some((hash, layer)) = guest.world.freeze() {
            if self.layers.insert(hash.clone(), layer).is_none() {
                self.dirty.layers.push(hash);
            }
            self.dirty.guests.insert(vmid);
        }
    }

    /// Files a finished task.
    pub(crate) fn archive(&mut self, task: Task) {
        self.active.remove(&task.upid);
        self.dirty.tasks.remove(&task.upid);
        let task = Arc::new(task);
        self.dirty.finished.push(Arc::clone(&task));
        self.push_archive(task);
    }

    /// Keeps a finished task that was read from the archive.
    pub(crate) fn keep(&mut self, task: Task) {
        self.push_archive(Arc::new(task));
    }

    fn push_archive(&mut self, task: Arc<Task>) {
        self.archive.push_back(task);
        if self.archive.len() > ARCHIVE_LIMIT {
            self.archive.pop_front();
        }
    }

    /// Brings the sums of usage up to date with the guests that changed since. Keeps listing and allocating cheap
    /// however many guests there are.
    pub(crate) fn settle_usage(&mut self) {
        let changed: Vec<u32> = self.dirty.guests.iter().copied().collect();
        for vmid in changed {
            self.count_usage(vmid);
        }
    }

    /// Counts what a guest's volumes take, in place of what was counted before.
    pub(crate) fn count_usage(&mut self, vmid: u32) {
        for (place, bytes) in self.usage.remove(&vmid).unwrap_or_default() {
            if let Some(sum) = self.used.get_mut(&place) {
                *sum = sum.saturating_sub(bytes);
            }
        }
        let Some(guest) = self.guests.get(&vmid) else { return };
        let node = self.node_of(guest);
        let mut mine: BTreeMap<(String, String), u64> = BTreeMap::new();
        for volume in guest.volumes.values() {
            let place = (self.place_of(node, &volume.storage), volume.storage.clone());
            *mine.entry(place).or_default() += volume.used;
        }
        for (place, bytes) in &mine {
            *self.used.entry(place.clone()).or_default() += bytes;
        }
        self.usage.insert(vmid, mine);
    }
}

/// Returns the wall clock in seconds, as PVE writes times.
pub(crate) fn now() -> u64 {
    now_ms() / 1000
}

/// Returns the wall clock in milliseconds.
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
