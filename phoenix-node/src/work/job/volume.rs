//! Moving a volume to another storage, or to another guest.

use phoenix_core::GuestKind;

use super::{Job, What};
use crate::{
    durations,
    state::{
        State, config,
        volume::{Volume, size_text},
    },
    work::{
        Refused, Room,
        room::{Wanted, add_volume},
    },
};

pub(super) fn begin(job: &mut Job, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
    let (kind, vmid) = (job.kind, job.vmid);
    let What::Move { disk, storage, format, made, .. } = &mut job.what else { return Ok(0) };
    let guest = room.guest(state, kind, vmid, true)?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = config::volume_of(value).to_owned();
    let volume = guest.volumes.get(&volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?.clone();
    if kind == GuestKind::Vm {
        room.log.push(format!("create full clone of drive {disk} ({volid})"));
    }
    let format = format.as_deref().unwrap_or(&volume.format);
    let wanted = Wanted {
        storage,
        size: volume.size,
        used: volume.used,
        format: Some(format),
        parent: None,
        stem: volid.contains("-cloudinit").then(|| format!("vm-{vmid}-cloudinit")),
    };
    // The new volume has the lowest free number of its own storage, as nobody else sees the old one there.
    let hidden = (volume.storage != *storage)
        .then(|| state.guest_mut(kind, vmid).and_then(|guest| guest.volumes.remove(&volid)))
        .flatten();
    let allocated = add_volume(state, vmid, &wanted, &mut room.log);
    if let (Some(volume), Some(guest)) = (hidden, state.guest_mut(kind, vmid)) {
        guest.volumes.insert(volid, volume);
    }
    *made = Some(allocated?);
    let wait = room.allocation_lock(state, storage, durations::ALLOCATE)?;
    if let Some(guest) = state.guest_mut(kind, vmid) {
        guest.config.insert("lock".to_owned(), "disk".to_owned());
    }
    Ok(wait + durations::CLONE_FULL)
}

pub(super) fn finish(job: &Job, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
    let (kind, vmid) = (job.kind, job.vmid);
    let What::Move { disk, delete, made: Some(made), .. } = &job.what else { return Ok(()) };
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    guest.config.remove("lock");
    let Some(value) = guest.get(disk).map(str::to_owned) else { return Ok(()) };
    let old = config::volume_of(&value).to_owned();
    if old == *made {
        return Ok(());
    }
    let size = guest.volumes.get(made).map(|volume| match volume.format.as_str() {
        "subvol" if volume.size == 0 => "0T".to_owned(),
        _ => size_text(volume.size),
    });
    let is_unused = disk.starts_with("unused");
    let value = if is_unused { made.clone() } else { config::with_volume(&value, made, size.as_deref()) };
    guest.config.insert(disk.clone(), value);
    if *delete {
        guest.volumes.remove(&old);
    } else {
        let name = (0..).map(|index| format!("unused{index}")).find(|name| !guest.config.contains_key(name));
        guest.config.insert(name.unwrap_or_default(), old);
    }
    if kind == GuestKind::Vm {
        log.push(format!("moved {disk} to '{made}'"));
    }
    Ok(())
}

/// Chooses the name that a volume gets under its new guest.
pub(super) fn begin_reassign(job: &mut Job, state: &mut State) -> Result<u64, Refused> {
    let (kind, vmid) = (job.kind, job.vmid);
    let What::Reassign { disk, target, made, .. } = &mut job.what else { return Ok(0) };
    let (_, volume) = held(state, (kind, vmid), disk)?;
    let wanted = Wanted {
        storage: &volume.storage,
        size: volume.size,
        used: 0,
        format: Some(&volume.format),
        parent: None,
        stem: None,
    };
    let name = add_volume(state, *target, &wanted, &mut Vec::new())?;
    // It comes with the volume: until then there is none.
    if let Some(other) = state.guest_mut(kind, *target) {
        other.volumes.remove(&name);
    }
    *made = Some(name);
    Ok(durations::CONFIGURE)
}

/// Returns the property string of a disk and its volume.
fn held(state: &State, (kind, vmid): (GuestKind, u32), disk: &str) -> Result<(String, Volume), String> {
    let guest = state.guest(kind, vmid).ok_or_else(|| format!("guest {vmid} is gone"))?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?.to_owned();
    let volid = config::volume_of(&value);
    let volume = guest.volumes.get(volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    Ok((value, volume.clone()))
}

/// Gives a volume to another guest of the same kind, under a name of that guest's.
pub(super) fn reassign(
    state: &mut State,
    (kind, vmid): (GuestKind, u32),
    disk: &str,
    (target, target_disk, made): (u32, &str, &str),
    log: &mut Vec<String>,
) -> Result<(), String> {
    let gone = |vmid: u32| format!("guest {vmid} is gone");
    let (value, volume) = held(state, (kind, vmid), disk)?;
    let guest = state.guest_mut(kind, vmid).ok_or_else(|| gone(vmid))?;
    guest.volumes.remove(config::volume_of(&value));
    guest.config.remove(disk);
    log.push(format!("removing disk '{disk}' from {vmid} config"));
    let size = size_text(volume.size);
    let other = state.guest_mut(kind, target).ok_or_else(|| gone(target))?;
    other.volumes.insert(made.to_owned(), volume);
    let value = match target_disk.starts_with("unused") {
        true => made.to_owned(),
        false => config::with_volume(&value, made, Some(&size)),
    };
    other.config.insert(target_disk.to_owned(), value);
    log.push(format!("target disk '{target_disk}' of {target} updated"));
    Ok(())
}
