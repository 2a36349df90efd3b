//! Work on what lies on storages: downloads that fetch nothing, uploads whose bytes are gone, copies, removal, and the
//! thinning out of backups.

use serde::{Deserialize, Serialize};

use crate::{
    durations,
    state::{State, now, volname, volume::Volume},
    work::{Refused, Room, is_base_used},
};

/// What a task does on a storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub(crate) enum Job {
    /// Downloads a file.
    Fetch {
        storage: String,
        volid: String,
        content: String,
        size: u64,
        url: String,
        path: String,
        what: String,
        template: bool,
        reachable: bool,
    },
    /// Takes in a file that was uploaded.
    Import {
        storage: String,
        volid: String,
        /// Where the upload lies.
        source: String,
        path: String,
        size: u64,
        /// The sum that it should have, and the one that it has.
        checksum: Option<(String, String)>,
    },
    /// Copies a volume.
    Copy { volid: String, target: String },
    /// Removes a volume.
    Delete { storage: String, volid: String, owner: String },
    /// Removes the backups that a rule does not keep.
    Prune { storage: String, vmid: Option<u32>, rule: String, volids: Vec<String> },
}

impl Job {
    /// Returns PVE's word for the type of task.
    pub(crate) fn task_type(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "download",
            Self::Import { .. } | Self::Copy { .. } => "imgcopy",
            Self::Delete { .. } => "imgdel",
            Self::Prune { .. } => "prunebackups",
        }
    }

    /// Returns the id in the UPID.
    pub(crate) fn task_id(&self) -> String {
        match self {
            Self::Fetch { what, .. } => what.clone(),
            Self::Import { .. } | Self::Copy { .. } => String::new(),
            Self::Delete { storage, owner, .. } if owner.is_empty() => storage.clone(),
            Self::Delete { storage, owner, .. } => format!("{owner}@{storage}"),
            Self::Prune { storage, vmid: Some(vmid), .. } => format!("{vmid}@{storage}"),
            Self::Prune { storage, vmid: None, .. } => storage.clone(),
        }
    }

    /// Checks; returns how long it takes.
    pub(crate) fn begin(&self, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
        match self {
            Self::Fetch { storage, volid, size, url, path, template, reachable, .. } => {
                room.log.push(format!("downloading {url} to {path}"));
                if !reachable {
                    return Err(Refused::Failed(format!(
                        "download failed: command 'wget --progress=dot:giga -O {path}.tmp_dwnl.{} {url}' failed: exit code 4",
                        state.next_pid
                    )));
                }
                if state.volume(volid).is_some() {
                    return Ok(0);
                }
                check_room(state, storage, *size, "download failed: ")?;
                Ok(if *template { durations::FETCH_TEMPLATE } else { durations::FETCH_IMAGE })
            }
            Self::Import { storage, source, path, size, checksum, .. } => {
                room.log.push(format!("starting file import from: {source}"));
                if let Some((wanted, got)) = checksum {
                    room.log.push("calculating checksum...".to_owned());
                    if wanted != got {
                        return Err(Refused::Failed(format!(
                            "checksum mismatch: got '{got}' != expect '{wanted}'"
                        )));
                    }
                    room.log.push("OK, checksum verified".to_owned());
                }
                check_room(state, storage, *size, "import failed: ")?;
                room.log.push(format!("target node: {}", state.name));
                room.log.push(format!("target file: {path}"));
                room.log.push(format!("file size is: {size}"));
                room.log.push(format!("command: cp -- {source} {path}"));
                Ok(durations::DELETE_VOLUME)
            }
            Self::Copy { volid, target } => {
                let found =
                    state.volume(volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?.clone();
                if state.volume(target).is_some() {
                    return Err(Refused::Failed(format!("volume '{target}' already exists")));
                }
                let storage = target.split_once(':').map_or("", |(storage, _)| storage);
                check_room(state, storage, found.used, "")?;
                Ok(durations::CLONE_FULL)
            }
            Self::Delete { storage, volid, .. } => {
                check_removal(state, storage, volid)?;
                Ok(durations::DELETE_VOLUME)
            }
            Self::Prune { .. } => Ok(durations::DELETE_VOLUME),
        }
    }

    /// Brings about what the task is for. May come twice.
    pub(crate) fn finish(&self, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
        match self {
            Self::Fetch { storage, volid, size, .. } => {
                if state.volume(volid).is_none() {
                    if *size > state.free(storage) {
                        return Err(out_of_space("download failed: ", storage, *size, state.free(storage)));
                    }
                    put(state, volid, Volume::file(volid, *size));
                }
                log.push(format!("download of '{volid}' finished"));
                Ok(())
            }
            Self::Import { volid, size, .. } => {
                put(state, volid, Volume::file(volid, *size));
                log.push("finished file import successfully".to_owned());
                Ok(())
            }
            Self::Copy { volid, target } => {
                let found = state.volume(volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
                let storage = target.split_once(':').map_or("", |(storage, _)| storage).to_owned();
                let copy = Volume { storage, ctime: now(), parent: None, ..found.clone() };
                put(state, target, copy);
                if let Some(backup) = state.backups.get(volid).cloned() {
                    state.backups.insert(target.clone(), backup);
                }
                Ok(())
            }
            Self::Delete { storage, volid, .. } => delete(state, storage, volid, log),
            Self::Prune { storage, volids, rule, .. } => {
                log.push(format!("prune options: {}", rule.replace(',', ", ")));
                for volid in volids {
                    if state.backups.get(volid).is_some_and(|backup| !backup.is_protected) {
                        log.push(format!("removing backup '{volid}'"));
                        delete(state, storage, volid, &mut Vec::new())?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn check_room(state: &mut State, storage: &str, size: u64, prefix: &str) -> Result<(), String> {
    if !state.storages.contains_key(storage) {
        return Err(format!("storage '{storage}' does not exist"));
    }
    let free = state.free(storage);
    if size > free { Err(out_of_space(prefix, storage, size, free)) } else { Ok(()) }
}

fn out_of_space(prefix: &str, storage: &str, size: u64, free: u64) -> String {
    format!(
        "{prefix}out of space on storage '{storage}': No space left on device (needs {size} bytes, {free} are free)"
    )
}

fn put(state: &mut State, volid: &str, volume: Volume) {
    if let Some(storage) = state.storages.get_mut(&volume.storage) {
        storage.volumes.insert(volid.to_owned(), volume);
        state.dirty.storages = true;
    }
}

fn check_removal(state: &State, storage: &str, volid: &str) -> Result<(), String> {
    let name = volid.split_once(':').map_or(volid, |(_, name)| name);
    if state.backups.get(volid).is_some_and(|backup| backup.is_protected) {
        return Err(format!("cannot remove protected volume '{name}' on '{storage}'"));
    }
    let owner = state.guests.values().find(|guest| guest.volumes.contains_key(volid));
    if owner.is_some_and(|guest| is_base_used(state, guest.vmid, volid)) {
        return Err(format!("base volume '{name}' is still in use by linked cloned"));
    }
    Ok(())
}

/// Removes a volume, whoever it belongs to.
pub(crate) fn delete(
    state: &mut State,
    storage: &str,
    volid: &str,
    log: &mut Vec<String>,
) -> Result<(), String> {
    check_removal(state, storage, volid)?;
    let is_own = state.storages.get_mut(storage).and_then(|found| found.volumes.remove(volid)).is_some();
    let owner = state.guests.values().find(|guest| guest.volumes.contains_key(volid));
    let owner = owner.map(|guest| (guest.kind, guest.vmid));
    if is_own {
        state.dirty.storages = true;
        if state.backups.get(volid).is_some() {
            state.backups.remove(volid);
        }
    } else if let Some((kind, vmid)) = owner
        && let Some(guest) = state.guest_mut(kind, vmid)
    {
        guest.discard(volid);
    } else if let Some(found) = state.storages.get(storage).filter(|found| found.has_files()) {
        let name = volid.split_once(':').map_or(volid, |(_, name)| name);
        let path = volname::read(found, name).map(|named| named.path).unwrap_or_default();
        log.push(format!("disk image '{path}' does not exist"));
    }
    log.push(format!("Removed volume '{volid}'"));
    Ok(())
}
