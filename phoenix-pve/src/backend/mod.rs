//! The backend: answers probes and performs actions on a Proxmox VE cluster, with calls of its API and with the
//! guest channel. It knows how PVE behaves; it decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use phoenix_core::{BackendError, ErrorKind, GuestId, Vmid};
use tokio::sync::OnceCell;

use crate::{
    channel::GuestChannel,
    client::{Client, segment},
    error::PveError,
    lenient,
    privileges::Granted,
    task::TaskWaiter,
    transport::Transport,
};

mod configure;
mod create;
mod demand;
mod firewall;
mod flight;
mod guest;
mod inside;
mod listing;
mod migrate;
mod object;
mod perform;
mod preflight;
mod read;
mod reboot;
mod settled;
mod template;

/// What a backend allows itself.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The shortest interval between two questions about a task or a condition: a few milliseconds in process, a
    /// quarter of a second over a network.
    pub poll_floor: Duration,
    /// How long an action is tried again while something else holds a lock.
    pub lock_budget: Duration,
    /// Calls at the same time. A node's daemons have three workers, so more would only queue up.
    pub calls: usize,
    /// Sites that are asked at the same time.
    pub sites: usize,
    /// Steps with much writing at the same time on one node.
    pub heavy_per_node: u32,
    /// Steps at the same time that allocate on one storage: PVE holds one lock a storage and waits 10 s for it.
    pub allocate_per_storage: u32,
    /// How long a node may take until a changed firewall is in force: PVE looks every ten seconds.
    pub firewall_settle: Duration,
    /// Firewalls of nodes are changed without anything that puts them back: for who has no way into the node's shell.
    pub unguarded_firewall: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            poll_floor: Duration::from_millis(250),
            lock_budget: Duration::from_secs(60),
            calls: 3,
            sites: 4,
            heavy_per_node: 4,
            allocate_per_storage: 3,
            firewall_settle: Duration::from_secs(12),
            unguarded_firewall: false,
        }
    }
}

/// A Proxmox VE cluster as Phoenix's backend.
pub struct PveBackend {
    client: Client,
    channel: Arc<dyn GuestChannel>,
    node: String,
    limits: Limits,
    waiter: TaskWaiter,
    /// Where guests were last seen. PVE has no call that finds one guest.
    places: Mutex<BTreeMap<Vmid, Place>>,
    /// What was answered that this version does not know.
    unknown: Mutex<BTreeSet<String>>,
    /// What the caller has been granted, once it was asked for.
    granted: OnceCell<Granted>,
}

/// Where a guest is.
#[derive(Clone, Debug)]
struct Place {
    guest: GuestId,
    node: String,
    /// The storage of its root disk, once its configuration was seen.
    storage: Option<String>,
}

impl PveBackend {
    /// Returns a backend that makes guests on `node` where a step names none.
    pub fn new(
        transport: Arc<dyn Transport>,
        channel: Arc<dyn GuestChannel>,
        node: impl Into<String>,
        limits: Limits,
    ) -> Self {
        Self {
            client: Client::new(transport),
            channel,
            node: node.into(),
            waiter: TaskWaiter::new(limits.poll_floor),
            limits,
            places: Mutex::new(BTreeMap::new()),
            unknown: Mutex::default(),
            granted: OnceCell::new(),
        }
    }

    /// Returns the client that it calls the API with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the node that guests are made on where a step names none.
    pub fn node(&self) -> &str {
        &self.node
    }

    fn place(&self, vmid: Vmid) -> Option<Place> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&vmid).cloned()
    }

    /// Keeps what was answered and is not known, and says it once: a newer Proxmox VE may have words of its own.
    fn note_unknown(&self, what: String) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if !unknown.contains(&what) {
            tracing::warn!(what, "the host answers something that this version does not know");
            unknown.insert(what);
        }
    }

    /// Returns what was answered so far that this version does not know.
    pub fn unknown(&self) -> BTreeSet<String> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all_places(&self) -> Vec<Place> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn forget(&self, vmid: Vmid) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(&vmid);
    }

    fn remember(&self, guest: GuestId, node: &str, storage: Option<String>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // A listing does not name storages, so what a configuration told before is kept.
        let known = places.get(&guest.vmid).filter(|place| place.guest == guest);
        let storage = storage.or_else(|| known.and_then(|place| place.storage.clone()));
        places.insert(guest.vmid, Place { guest, node: node.to_owned(), storage });
    }

    /// Returns the node that a guest is on; none if it is nowhere.
    async fn find(&self, guest: GuestId) -> Result<Option<String>, PveError> {
        if let Some(place) = self.place(guest.vmid).filter(|place| place.guest == guest) {
            return Ok(Some(place.node));
        }
        self.resources().await?;
        Ok(self.place(guest.vmid).filter(|place| place.guest == guest).map(|place| place.node))
    }

    /// Returns the path of a guest's calls; none if the guest is nowhere.
    async fn find_path(&self, guest: GuestId) -> Result<Option<String>, PveError> {
        match self.find(guest).await? {
            Some(node) => Ok(Some(guest_path(&node, guest)?)),
            None => Ok(None),
        }
    }

    /// Returns the node of a guest that must be there.
    async fn node_of(&self, guest: GuestId) -> Result<String, BackendError> {
        self.find(guest).await?.ok_or_else(|| missing(guest))
    }

    /// Returns the path of a guest that must be there.
    async fn path_of(&self, guest: GuestId) -> Result<String, BackendError> {
        Ok(guest_path(&self.node_of(guest).await?, guest)?)
    }

    /// Reads one of a guest's calls; none if the guest is nowhere. A guest that has moved since it was last seen is
    /// looked for once.
    async fn get_of(&self, guest: GuestId, call: &str) -> Result<Option<serde_json::Value>, PveError> {
        for _ in 0..2 {
            let was_known = self.place(guest.vmid).is_some();
            let Some(path) = self.find_path(guest).await? else { return Ok(None) };
            match self.client.get(&format!("{path}{call}"), Vec::new()).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.forget(guest.vmid);
                    if !was_known {
                        return Ok(None);
                    }
                }
                answer => return answer.map(Some),
            }
        }
        Ok(None)
    }

    /// Returns a guest's configuration; none if the guest is nowhere.
    async fn config_of(
        &self,
        guest: GuestId,
    ) -> Result<Option<phoenix_core::evidence::GuestConfig>, PveError> {
        let Some(data) = self.get_of(guest, "/config").await? else { return Ok(None) };
        let config = lenient::config(&data);
        self.remember_storage(guest, &config);
        Ok(Some(config))
    }

    /// Returns a guest's configuration with the keys whose change waits for a start. A container's `pending` call
    /// leaves its raw lines out, so only virtual machines are asked that way.
    async fn config_with_pending(
        &self,
        guest: GuestId,
    ) -> Result<Option<phoenix_core::evidence::GuestConfig>, PveError> {
        match guest.kind {
            phoenix_core::GuestKind::Lxc => self.config_of(guest).await,
            phoenix_core::GuestKind::Vm => {
                let Some(data) = self.get_of(guest, "/pending").await? else { return Ok(None) };
                let config = lenient::pending(&data);
                self.remember_storage(guest, &config);
                Ok(Some(config))
            }
        }
    }

    fn remember_storage(&self, guest: GuestId, config: &phoenix_core::evidence::GuestConfig) {
        if let (Some(place), Some(storage)) = (self.place(guest.vmid), root_storage(guest, &config.values)) {
            self.remember(guest, &place.node, Some(storage));
        }
    }

    fn node_or_own<'a>(&'a self, node: Option<&'a String>) -> &'a str {
        node.map_or(&self.node, String::as_str)
    }
}

impl fmt::Debug for PveBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PveBackend")
            .field("node", &self.node)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Returns the path of a guest's calls on a node.
fn guest_path(node: &str, guest: GuestId) -> Result<String, PveError> {
    Ok(format!("/nodes/{}/{}/{}", segment(node)?, guest.kind.api_name(), guest.vmid))
}

/// Returns the storage of a guest's root disk.
fn root_storage(guest: GuestId, values: &BTreeMap<String, String>) -> Option<String> {
    let keys: &[&str] = match guest.kind {
        phoenix_core::GuestKind::Lxc => &["rootfs"],
        phoenix_core::GuestKind::Vm => &["scsi0", "virtio0", "sata0", "ide0"],
    };
    let volume = keys.iter().find_map(|key| values.get(*key))?;
    let (storage, _) = volume.split_once(':')?;
    (!storage.is_empty() && !storage.contains(['/', ','])).then(|| storage.to_owned())
}

fn missing(guest: GuestId) -> BackendError {
    BackendError::new(ErrorKind::NotFound, format!("there is no `{guest}` in the cluster")).with_hint(
        "run `phoenix plan` again: it was there when the plan was made, or should have been made before",
    )
}
