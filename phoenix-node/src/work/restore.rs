//! Restoring guests from backups: the archive's configuration, disks of the sizes that it tells, and its inner world.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    durations,
    state::{
        State,
        config::{self, normal},
        guest::Guest,
        volname,
        volume::{parse_size, size_text},
    },
    work::{
        Refused, Room, mkfs, power, recover,
        room::{Wanted, add_volume},
    },
};

/// A guest to be restored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Restore {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    /// The backup.
    pub(crate) volid: String,
    /// Where all disks go; each to where it was if not given.
    pub(crate) storage: Option<String>,
    /// Options of the call, which win over those of the backup.
    pub(crate) options: BTreeMap<String, String>,
    /// Whether it gets addresses and identifiers of its own.
    pub(crate) is_unique: bool,
    pub(crate) start: bool,
    /// The guest that is there is given up for it.
    pub(crate) replaces: bool,
    /// The configuration that it gets, once it has begun.
    #[serde(default)]
    pub(crate) config: BTreeMap<String, String>,
    /// The volumes that were made for it.
    #[serde(default)]
    pub(crate) made: BTreeSet<String>,
}

impl Restore {
    fn noun(&self) -> &'static str {
        match self.kind {
            GuestKind::Lxc => "CT",
            GuestKind::Vm => "VM",
        }
    }
}

/// Allocates the disks; returns how long it takes.
pub(super) fn begin(work: &mut Restore, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
    let (kind, vmid, noun) = (work.kind, work.vmid, work.noun());
    let failed = |text: String| Refused::Failed(format!("unable to restore {noun} {vmid} - {text}"));
    let missing = || failed(format!("volume '{}' does not exist", work.volid));
    let backup = state.backups.get(&work.volid).cloned().ok_or_else(missing)?;
    if backup.kind != kind {
        return Err(failed(format!("'{}' is no backup of a {noun}", work.volid)));
    }
    if work.replaces {
        let guest = state.guest_mut(kind, vmid).ok_or_else(|| failed("the guest is gone".to_owned()))?;
        guest.config.insert("lock".to_owned(), "create".to_owned());
        // A former process may have come this far.
        guest.volumes.retain(|volid, _| !work.made.contains(volid));
    } else {
        state.put_guest(Guest::reserved(kind, vmid, "create"));
    }
    work.made.clear();
    room.log.push(format!("recovering backed-up configuration from '{}'", work.volid));
    let mut config = backup.config.clone();
    for (key, value) in &work.options {
        config.insert(
            key.clone(),
            if config::is_disk(kind, key) { value.clone() } else { normal(kind, key, value) },
        );
    }
    let mut wait = 0;
    for (key, value) in config.clone().iter().filter(|(key, _)| config::is_disk(kind, key)) {
        let Some(volid) = own_volume(value) else { continue };
        let (named, rest) = volid.split_once(':').unwrap_or((volid, ""));
        let given = work.options.contains_key(key);
        let storage = if given { named } else { work.storage.as_deref().unwrap_or(named) };
        let (of_backup, used) = backup.disks.get(key).copied().unwrap_or((0, 0));
        let size = match given.then(|| parse_size(rest, 30)).flatten() {
            Some(wished) => wished,
            None => config::property(value, "size").and_then(|text| parse_size(text, 0)).unwrap_or(of_backup),
        };
        let format = volname::format(volid).filter(|_| !given);
        let wanted = Wanted { storage, size, used, format, parent: None, stem: None };
        let made = add_volume(state, vmid, &wanted, &mut room.log).map_err(failed)?;
        wait = wait.max(room.allocation_lock(state, storage, durations::ALLOCATE).map_err(failed)?);
        config.insert(key.clone(), config::with_volume(value, &made, Some(&size_text(size))));
        work.made.insert(made);
    }
    if work.is_unique {
        renew(kind, &mut config);
    }
    work.config = config;
    Ok(wait + durations::CREATE_LXC)
}

/// Puts the guest in place.
pub(super) fn finish(work: &Restore, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
    let backup = state.backups.get(&work.volid).cloned();
    let backup = backup.ok_or_else(|| format!("volume '{}' does not exist", work.volid))?;
    let Some(guest) = state.guest_mut(work.kind, work.vmid).filter(|guest| guest.lock() == Some("create"))
    else {
        return Ok(());
    };
    guest.config.clone_from(&work.config);
    guest.raw = backup.raw;
    guest.world = backup.world;
    guest.pending.clear();
    guest.snapshots.clear();
    // What the guest had before goes only now that there is something in its place.
    guest.volumes.retain(|volid, _| work.made.contains(volid));
    guest.running = false;
    if work.kind == GuestKind::Lxc {
        let made = state.guest(work.kind, work.vmid).map(|guest| mkfs::of_guest(state, guest));
        log.extend(made.unwrap_or_default());
    }
    log.push(format!("restoring '{}' now..", work.volid));
    if work.kind == GuestKind::Lxc {
        log.extend(mkfs::of_archive(state, &work.volid, backup.disks.values().map(|(_, used)| used).sum()));
    }
    log.push("merging backed-up and given configuration..".to_owned());
    if work.start {
        let guest = state.guest(work.kind, work.vmid).ok_or("the guest is gone")?;
        power::check_start(state, guest)?;
        power::start(state, work.kind, work.vmid)?;
    }
    Ok(())
}

/// Takes back what was allocated.
pub(super) fn abandon(work: &Restore, state: &mut State) {
    if !work.replaces {
        recover::drop_reserved(state, work.kind, work.vmid);
        return;
    }
    if let Some(guest) = state.guest_mut(work.kind, work.vmid) {
        guest.volumes.retain(|volid, _| !work.made.contains(volid));
    }
    recover::unlock(state, work.vmid, &["create"]);
}

/// Returns the volume of a disk that a restore makes anew: not a bind mount, a device or a medium.
fn own_volume(value: &str) -> Option<&str> {
    let volid = config::volume_of(value);
    (volid.contains(':') && !volid.starts_with('/') && !value.contains("media=cdrom")).then_some(volid)
}

/// Gives a configuration addresses and identifiers of its own.
fn renew(kind: GuestKind, config: &mut BTreeMap<String, String>) {
    for (key, value) in config.iter_mut() {
        match (config::split_index(key).0, kind) {
            ("net", GuestKind::Lxc) => {
                let rest: Vec<&str> = value.split(',').filter(|part| !part.starts_with("hwaddr=")).collect();
                *value = normal(kind, key, &rest.join(","));
            }
            ("net", GuestKind::Vm) => {
                let model = value.split(['=', ',']).next().unwrap_or("virtio").to_owned();
                let rest = value.split_once(',').map_or("", |(_, rest)| rest);
                *value = normal(kind, key, &format!("model={model},{rest}"));
            }
            ("smbios", GuestKind::Vm) => *value = format!("uuid={}", config::uuid()),
            ("vmgenid", GuestKind::Vm) => *value = config::uuid(),
            _ => {}
        }
    }
}
