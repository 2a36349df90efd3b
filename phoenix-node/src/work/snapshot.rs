//! Snapshots: taking, removing, returning to one.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    durations,
    state::{
        State,
        config::normal,
        guest::{Guest, Snapshot},
        now,
    },
    work::{Refused, Room},
};

pub(crate) fn begin_take(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    name: &str,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    if guest.is_template() {
        return Err(Refused::Failed("you can't take a snapshot if it's a template".to_owned()));
    }
    if guest.snapshots.contains_key(name) {
        return Err(Refused::Failed(format!("snapshot name '{name}' already used")));
    }
    if !can_snapshot(state, guest) {
        return Err(Refused::Failed("snapshot feature is not available".to_owned()));
    }
    lock(state, kind, vmid, "snapshot");
    Ok(durations::SNAPSHOT)
}

pub(crate) fn take(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    name: &str,
    description: &str,
    vmstate: bool,
    log: &mut Vec<String>,
) -> Result<(), String> {
    state.freeze(vmid);
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    if guest.lock() == Some("snapshot") {
        guest.config.remove("lock");
    }
    if guest.snapshots.contains_key(name) {
        return Ok(());
    }
    if kind == GuestKind::Vm {
        log.extend(lines(guest, name, vmstate));
    }
    let mut config = guest.config.clone();
    let parent = config.remove("parent");
    config.remove("description");
    config.remove("lock");
    let serial = guest.snapshots.values().map(|snapshot| snapshot.serial + 1).max().unwrap_or(0);
    let snapshot = Snapshot {
        description: normal(kind, "description", description),
        snaptime: now(),
        serial,
        parent,
        config,
        raw: guest.raw.clone(),
        world: guest.world.clone(),
        vmstate: vmstate && guest.running,
    };
    guest.snapshots.insert(name.to_owned(), snapshot);
    guest.config.insert("parent".to_owned(), name.to_owned());
    Ok(())
}

/// Returns what PVE says while it takes a snapshot of a virtual machine.
fn lines(guest: &Guest, name: &str, vmstate: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let agent = crate::api::agent_of(guest);
    if guest.running && vmstate {
        let state = format!("vm-{}-state-{name}.raw", guest.vmid);
        lines.push(format!("saving VM state and RAM using storage 'local' ({state})"));
        lines.push("completed saving the VM state in 0s, saved 1.00 MiB".to_owned());
    } else if guest.running && agent == Some(false) {
        lines.push("skipping guest filesystem freeze - agent configured but not running?".to_owned());
    }
    for (key, volid) in guest.disks() {
        if !key.starts_with("unused") && !guest.config[&key].contains("media=cdrom") {
            lines.push(format!("snapshotting 'drive-{key}' ({volid})"));
            if guest.running {
                lines.push("internal qemu snapshot".to_owned());
            }
        }
    }
    lines
}

pub(crate) fn begin_delete(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    name: &str,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    known(guest, name)?;
    lock(state, kind, vmid, "snapshot-delete");
    Ok(durations::SNAPSHOT)
}

pub(crate) fn delete(state: &mut State, kind: GuestKind, vmid: u32, name: &str) -> Result<(), String> {
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    if guest.lock() == Some("snapshot-delete") {
        guest.config.remove("lock");
    }
    let Some(gone) = guest.snapshots.remove(name) else { return Ok(()) };
    // Whoever came after it now comes after the one before it.
    for snapshot in guest.snapshots.values_mut() {
        if snapshot.parent.as_deref() == Some(name) {
            snapshot.parent.clone_from(&gone.parent);
        }
    }
    if guest.get("parent") == Some(name) {
        set_or_remove(&mut guest.config, "parent", gone.parent);
    }
    Ok(())
}

pub(crate) fn begin_rollback(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    name: &str,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    known(guest, name)?;
    if guest.is_template() {
        return Err(Refused::Failed("you can't rollback if it's a template".to_owned()));
    }
    let youngest =
        guest.snapshots.iter().max_by_key(|(_, snapshot)| snapshot.serial).map(|(name, _)| name.clone());
    let on_zfs = guest
        .volumes
        .values()
        .any(|volume| state.storages.get(&volume.storage).is_some_and(|storage| storage.plugin == "zfspool"));
    if let Some(youngest) = youngest.filter(|youngest| on_zfs && youngest != name) {
        let volid = guest.volumes.keys().next().cloned().unwrap_or_default();
        return Err(Refused::Failed(format!(
            "can't rollback, '{name}' is not most recent snapshot on '{volid}' (`{youngest}` is)"
        )));
    }
    let time = durations::SNAPSHOT + if guest.running { durations::STOP } else { 0 };
    lock(state, kind, vmid, "rollback");
    Ok(time)
}

pub(crate) fn rollback(state: &mut State, kind: GuestKind, vmid: u32, name: &str) -> Result<(), String> {
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    let Some(snapshot) = guest.snapshots.get(name).cloned() else {
        return Err(format!("snapshot '{name}' does not exist"));
    };
    // As PVE does, a rollback keeps the guest's notes and its list of unused disks.
    let kept = std::mem::replace(&mut guest.config, snapshot.config);
    guest.config.retain(|key, _| !key.starts_with("unused"));
    guest
        .config
        .extend(kept.into_iter().filter(|(key, _)| key == "description" || key.starts_with("unused")));
    guest.config.insert("parent".to_owned(), name.to_owned());
    guest.config.remove("lock");
    guest.raw = snapshot.raw;
    guest.world = snapshot.world;
    guest.pending.clear();
    guest.running = kind == GuestKind::Vm && snapshot.vmstate;
    Ok(())
}

/// Tells whether every disk of a guest can be snapshotted.
pub(crate) fn can_snapshot(state: &State, guest: &Guest) -> bool {
    let has_bind_mount = guest.kind == GuestKind::Lxc
        && guest.config.iter().any(|(key, value)| key.starts_with("mp") && value.starts_with('/'));
    !has_bind_mount
        && guest.disks().into_iter().filter(|(key, _)| !key.starts_with("unused")).all(|(_, volid)| {
            guest.volumes.get(&volid).is_none_or(|volume| {
                volid.contains("-cloudinit")
                    || state
                        .storages
                        .get(&volume.storage)
                        .is_some_and(|storage| storage.kind().can_snapshot(&volume.format))
            })
        })
}

fn known(guest: &Guest, name: &str) -> Result<(), String> {
    if guest.snapshots.contains_key(name) { Ok(()) } else { Err(format!("snapshot '{name}' does not exist")) }
}

fn lock(state: &mut State, kind: GuestKind, vmid: u32, word: &str) {
    if let Some(guest) = state.guest_mut(kind, vmid) {
        guest.config.insert("lock".to_owned(), word.to_owned());
    }
}

fn set_or_remove(config: &mut BTreeMap<String, String>, key: &str, value: Option<String>) {
    match value {
        Some(value) => config.insert(key.to_owned(), value),
        None => config.remove(key),
    };
}
