//! Room: what a task needs before it goes on: a guest that nobody works on, space on a storage, and the storage's
//! allocation lock.

use phoenix_core::GuestKind;

use crate::{
    api::reply::no_such_guest,
    durations,
    state::{
        State,
        guest::Guest,
        now,
        volume::{self, Plugin, Volume},
    },
    work::{Refused, drive},
};

/// The circumstances under which a task begins.
pub(crate) struct Room<'a> {
    /// The task itself.
    pub(crate) upid: &'a str,
    /// The node's virtual time in milliseconds.
    pub(crate) clock: u64,
    /// What the task says.
    pub(crate) log: Vec<String>,
}

impl Room<'_> {
    /// Returns a guest that is there, free to work on, and unlocked if that matters.
    pub(crate) fn guest<'s>(
        &self,
        state: &'s State,
        kind: GuestKind,
        vmid: u32,
        unlocked: bool,
    ) -> Result<&'s Guest, Refused> {
        let guest = state.guest(kind, vmid).ok_or_else(|| no_such_guest(&state.name, kind, vmid))?;
        if state.is_config_held(vmid, Some(self.upid)) {
            return Err(Refused::Busy(kind, vmid));
        }
        match guest.lock_error().filter(|_| unlocked) {
            Some(text) => Err(Refused::Failed(text)),
            None => Ok(guest),
        }
    }

    /// Queues for a storage's allocation lock; returns how long that takes.
    pub(crate) fn allocation_lock(&self, state: &mut State, storage: &str, hold: u64) -> Result<u64, String> {
        let found =
            state.storages.get_mut(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?;
        let wait = found.busy_until.saturating_sub(self.clock);
        if wait > durations::LOCK_WAIT {
            return Err(format!(
                "can't lock file '/var/lock/pve-manager/pve-storage-{storage}' - got timeout"
            ));
        }
        found.busy_until = self.clock + wait + hold;
        Ok(wait)
    }
}

/// A volume to be made.
pub(crate) struct Wanted<'a> {
    pub(crate) storage: &'a str,
    pub(crate) size: u64,
    pub(crate) used: u64,
    pub(crate) format: Option<&'a str>,
    pub(crate) parent: Option<&'a str>,
    /// A name other than that of a disk, for instance `vm-100-cloudinit`.
    pub(crate) stem: Option<String>,
}

/// Makes a volume for a guest and returns its volid. Fails if the storage has no room for it.
pub(crate) fn add_volume(
    state: &mut State,
    vmid: u32,
    wanted: &Wanted<'_>,
    log: &mut Vec<String>,
) -> Result<String, String> {
    let storage = wanted.storage;
    let plugin =
        state.storages.get(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?.kind();
    let used = if plugin == Plugin::Thick { wanted.size } else { wanted.used };
    let node = state.guests.get(&vmid).map(|guest| state.node_of(guest).to_owned()).unwrap_or_default();
    let free = state.free_on(&node, storage);
    if used > free {
        return Err(format!(
            "out of space on storage '{storage}': No space left on device (needs {used} bytes, {free} are free)"
        ));
    }
    let kind = state.guests.get(&vmid).ok_or_else(|| format!("guest {vmid} is gone"))?.kind;
    let format = plugin.format(kind, wanted.format.filter(|format| *format != "subvol" || wanted.size == 0));
    // What was allocated by hand for this number is in the way too.
    let by_hand: Vec<String> = state
        .storages
        .get(storage)
        .into_iter()
        .flat_map(|found| found.volumes.keys())
        .filter(|volid| volid.contains(&format!("-{vmid}-")))
        .cloned()
        .collect();
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    let trash = guest.trash.clone();
    let name = |stem: &str| match wanted.parent.filter(|_| plugin.names_base()) {
        Some(parent) => {
            let base = parent.split_once(':').map_or(parent, |(_, name)| name);
            let base = if plugin == Plugin::Zfs { base.rsplit('/').next().unwrap_or(base) } else { base };
            format!("{storage}:{base}/{}", plugin.name(vmid, stem, &format))
        }
        None => format!("{storage}:{}", plugin.name(vmid, stem, &format)),
    };
    let is_taken = |stem: &str, volumes: &std::collections::BTreeMap<String, Volume>| {
        volumes.keys().chain(&by_hand).chain(&trash).any(|volid| {
            let last = volid.rsplit(['/', ':']).next().unwrap_or(volid);
            last == stem || last.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let stem = match &wanted.stem {
        Some(stem) => stem.clone(),
        None => (0..)
            .map(|index| match format.as_str() {
                "subvol" => format!("subvol-{vmid}-disk-{index}"),
                _ => volume::stem(plugin, kind, vmid, index),
            })
            .find(|stem| !is_taken(stem, &guest.volumes))
            .unwrap_or_default(),
    };
    let volid = name(&stem);
    let content = match kind {
        GuestKind::Lxc => "rootdir",
        GuestKind::Vm => "images",
    };
    let volume = Volume {
        storage: storage.to_owned(),
        content: content.to_owned(),
        format,
        size: wanted.size,
        used,
        ctime: now(),
        // Where the name does not hold the base, nobody knows it later.
        parent: wanted.parent.filter(|_| plugin.names_base()).map(str::to_owned),
    };
    log.extend(drive::formatting(plugin, &volid, &volume));
    guest.volumes.insert(volid.clone(), volume);
    Ok(volid)
}

/// Tells whether another guest's volume is linked to this one, where the storage would notice.
pub(crate) fn is_base_used(state: &State, vmid: u32, volid: &str) -> bool {
    state.guests.values().filter(|guest| guest.vmid != vmid).flat_map(|guest| guest.volumes.values()).any(
        |volume| {
            volume.parent.as_deref() == Some(volid)
                && state.storages.get(&volume.storage).is_some_and(|storage| storage.kind().names_base())
        },
    )
}
