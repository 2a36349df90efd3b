//! Files on storages: downloads that fetch nothing, and removal.

use crate::{
    durations,
    state::{State, volume::Volume},
    work::{Refused, Room},
};

pub(crate) fn begin_fetch(
    state: &mut State,
    room: &mut Room<'_>,
    storage: &str,
    volid: &str,
    size: u64,
    template: bool,
) -> Result<u64, Refused> {
    room.log.push(format!("downloading {volid} ({size} bytes)"));
    let found = state.storages.get(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?;
    if found.volumes.contains_key(volid) {
        return Ok(0);
    }
    let free = state.free(storage);
    if size > free {
        return Err(Refused::Failed(format!(
            "download failed: out of space on storage '{storage}': No space left on device (needs {size} bytes, {free} are free)"
        )));
    }
    Ok(if template { durations::FETCH_TEMPLATE } else { durations::FETCH_IMAGE })
}

pub(crate) fn fetch(
    state: &mut State,
    storage: &str,
    volid: &str,
    content: &str,
    size: u64,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let is_there = state.storages.get(storage).is_some_and(|found| found.volumes.contains_key(volid));
    if !is_there && size > state.free(storage) {
        return Err(format!("download failed: out of space on storage '{storage}': No space left on device"));
    }
    let found =
        state.storages.get_mut(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?;
    found
        .volumes
        .entry(volid.to_owned())
        .or_insert_with(|| Volume { content: content.to_owned(), ..Volume::file(volid, size) });
    state.dirty.storages = true;
    log.push(format!("download of '{volid}' finished"));
    Ok(())
}

pub(crate) fn delete(
    state: &mut State,
    storage: &str,
    volid: &str,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let own = state.storages.get_mut(storage).and_then(|found| found.volumes.remove(volid)).is_some();
    if own {
        state.dirty.storages = true;
        log.push(format!("Removed volume '{volid}'"));
        return Ok(());
    }
    let owner = state.guests.values().find(|guest| guest.volumes.contains_key(volid));
    if let Some((kind, vmid)) = owner.map(|guest| (guest.kind, guest.vmid))
        && let Some(guest) = state.guest_mut(kind, vmid)
    {
        guest.volumes.remove(volid);
        log.push(format!("Removed volume '{volid}'"));
        return Ok(());
    }
    log.push(format!("volume '{volid}' does not exist, nothing to remove"));
    Ok(())
}
