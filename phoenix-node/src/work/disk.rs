//! Disks as a whole: growing one, turning a guest into a template, destroying a guest.

use phoenix_core::GuestKind;

use crate::{
    durations,
    state::{
        State,
        config::with_volume,
        volume::{base_volid, parse_size, size_text},
    },
    work::{Refused, Room, is_base_used},
};

pub(crate) fn begin_destroy(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    if guest.running {
        room.log.push(format!("forced to stop CT {vmid} before destroying!"));
    }
    for volid in guest.volumes.keys() {
        if is_base_used(state, vmid, volid) {
            return Err(Refused::Failed(format!("base volume '{volid}' is still in use by linked cloned")));
        }
    }
    Ok(durations::DESTROY)
}

pub(crate) fn destroy(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    purge: bool,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let Some(guest) = state.guest(kind, vmid) else { return Ok(()) };
    for volid in guest.volumes.keys() {
        if is_base_used(state, vmid, volid) {
            return Err(format!("base volume '{volid}' is still in use by linked cloned"));
        }
    }
    if purge {
        let noun = if kind == GuestKind::Lxc { "CT" } else { "VM" };
        log.push(format!("purging {noun} {vmid} from related configurations.."));
    }
    state.remove_guest(vmid);
    Ok(())
}

pub(crate) fn begin_template(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
) -> Result<u64, Refused> {
    let storages: Vec<String> =
        room.guest(state, kind, vmid, true)?.volumes.values().map(|volume| volume.storage.clone()).collect();
    let mut wait = 0;
    for storage in storages {
        wait = wait.max(room.allocation_lock(state, &storage, durations::ALLOCATE_LINKED)?);
    }
    Ok(wait + durations::TEMPLATE)
}

pub(crate) fn template(state: &mut State, kind: GuestKind, vmid: u32) -> Result<(), String> {
    let Some(guest) = state.guest_mut(kind, vmid) else { return Err(format!("guest {vmid} is gone")) };
    if guest.is_template() {
        return Ok(());
    }
    guest.config.insert("template".to_owned(), "1".to_owned());
    for (key, volid) in guest.disks() {
        if key.starts_with("unused") || volid.contains("-cloudinit") {
            continue;
        }
        let Some(mut volume) = guest.volumes.remove(&volid) else { continue };
        // A base stands alone in its name, but its data is still shared with the base that it was linked to.
        let base = base_volid(&volid);
        volume.used = volume.used.min(volume.size);
        let value = with_volume(&guest.config[&key], &base, None);
        guest.config.insert(key, value);
        guest.volumes.insert(base, volume);
    }
    state.freeze(vmid);
    Ok(())
}

pub(crate) fn begin_resize(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    disk: &str,
    size: &mut String,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = crate::state::config::volume_of(value);
    let volume = guest.volumes.get(volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let wanted = target_size(volume.size, size).ok_or_else(|| format!("unable to parse size '{size}'"))?;
    if wanted < volume.size {
        return Err(Refused::Failed(match kind {
            GuestKind::Lxc => "unable to shrink disk size".to_owned(),
            GuestKind::Vm => "shrinking disks is not supported".to_owned(),
        }));
    }
    // From here on the size is absolute, so that finishing twice grows once.
    *size = wanted.to_string();
    Ok(durations::RESIZE)
}

pub(crate) fn resize(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    disk: &str,
    size: &str,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let Some(guest) = state.guest_mut(kind, vmid) else { return Err(format!("guest {vmid} is gone")) };
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?.to_owned();
    let volid = crate::state::config::volume_of(&value).to_owned();
    let size = parse_size(size, 0).ok_or_else(|| format!("unable to parse size '{size}'"))?;
    let volume = guest.volumes.get_mut(&volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    // A file system that grows keeps what was laid down when it was made.
    guest.formatted.entry(volid.clone()).or_insert(volume.size);
    volume.size = volume.size.max(size);
    if volume.format == "raw" || volume.format == "qcow2" {
        log.push("Image resized.".to_owned());
    }
    let text = size_text(volume.size);
    let value = with_volume(&value, &volid, Some(&text));
    guest.config.insert(disk.to_owned(), value);
    Ok(())
}

/// Returns the size that a text asks for, one with a plus sign being added.
pub(crate) fn target_size(present: u64, text: &str) -> Option<u64> {
    match text.strip_prefix('+') {
        Some(more) => present.checked_add(parse_size(more, 0)?),
        None => parse_size(text, 0),
    }
}
