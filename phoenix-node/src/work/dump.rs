//! Backing guests up: what `vzdump` does. The archive keeps the guest's configuration and inner world; of its bytes
//! there is only a number.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    durations,
    state::{
        State,
        backup::{self, Backup, Mark, clock, stamp},
        config,
        guest::Guest,
        now,
        volume::{Volume, parse_size},
    },
    work::{Refused, Room, recover, storage::delete},
};

/// Guests to be backed up, and how.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dump {
    pub(crate) node: String,
    pub(crate) vmids: Vec<u32>,
    pub(crate) storage: String,
    /// The call's options, as they are shown.
    pub(crate) shown: String,
    pub(crate) mode: String,
    pub(crate) compress: String,
    pub(crate) notes: Option<String>,
    pub(crate) is_protected: bool,
    /// Which older backups stay; all if there is no rule.
    pub(crate) rule: Option<String>,
    /// Guests that this task has locked.
    #[serde(default)]
    pub(crate) locked: Vec<u32>,
    #[serde(default)]
    pub(crate) started: u64,
}

const MIB: u64 = 1 << 20;

/// Checks the storage and locks the guests; returns how long it takes.
pub(super) fn begin(dump: &mut Dump, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
    let name = &dump.storage;
    let storage = state.enabled_storage(name, &dump.node).map_err(|text| {
        format!("could not activate storage '{name}': {text} could not get storage information for '{name}': {text}")
    })?;
    if !storage.content.contains("backup") {
        return Err(Refused::Failed(format!(
            "could not get storage information for '{name}': can't use storage '{name}' for backups - wrong content type"
        )));
    }
    let vmids: Vec<String> = dump.vmids.iter().map(u32::to_string).collect();
    room.log.push(format!("INFO: starting new backup job: vzdump {}{}", vmids.join(" "), dump.shown));
    dump.started = now();
    for &vmid in &dump.vmids {
        let Some(kind) =
            state.guests.get(&vmid).filter(|guest| guest.lock().is_none()).map(|guest| guest.kind)
        else {
            continue;
        };
        if let Some(guest) = state.guest_mut(kind, vmid) {
            guest.config.insert("lock".to_owned(), "backup".to_owned());
            dump.locked.push(vmid);
        }
    }
    Ok(durations::CLONE_FULL * dump.locked.len() as u64)
}

/// Makes the archives.
pub(super) fn finish(dump: &Dump, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
    let mut has_failed = false;
    for &vmid in &dump.vmids {
        let result = match state.guests.get(&vmid).map(|guest| (guest.kind, guest.lock_error())) {
            None => Err(format!("unable to find VM '{vmid}'")),
            Some((_, Some(text))) if !dump.locked.contains(&vmid) => Err(text),
            Some((kind, _)) => one(dump, state, kind, vmid, log),
        };
        recover::unlock(state, vmid, &["backup"]);
        if let Err(text) = result {
            has_failed = true;
            log.push(format!("ERROR: Backup of VM {vmid} failed - {text}"));
            log.push(format!("INFO: Failed at {}", clock(now())));
        }
    }
    if has_failed {
        log.push("INFO: Backup job finished with errors".to_owned());
        return Err("job errors".to_owned());
    }
    log.push("INFO: Backup job finished successfully".to_owned());
    Ok(())
}

/// Takes the locks off again.
pub(super) fn abandon(dump: &Dump, state: &mut State) {
    for vmid in &dump.locked {
        recover::unlock(state, *vmid, &["backup"]);
    }
}

fn one(
    dump: &Dump,
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    log: &mut Vec<String>,
) -> Result<(), String> {
    state.freeze(vmid);
    let guest = state.guest(kind, vmid).ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
    let mut say = |text: String| log.push(format!("INFO: {text}"));
    say(format!("Starting Backup of VM {vmid} ({})", kind.api_name()));
    say(format!("Backup started at {}", clock(dump.started)));
    say(format!("status = {}", if guest.running { "running" } else { "stopped" }));
    say(format!("backup mode: {}", dump.mode));
    say("ionice priority: 7".to_owned());
    say(match kind {
        GuestKind::Lxc => format!("CT Name: {}", guest.name()),
        GuestKind::Vm => format!("VM Name: {}", guest.name()),
    });
    let disks = included(guest, &mut say);
    let bytes: u64 = disks.values().map(|(_, used)| used).sum();
    let size = match dump.compress.as_str() {
        "zstd" => bytes * 3 / 10,
        "gzip" => bytes * 7 / 20,
        "1" | "lzo" => bytes / 2,
        _ => bytes,
    };
    let (name, ctime) = file_of(dump, state, kind, vmid);
    let volid = format!("{}:backup/{name}", dump.storage);
    let root = state.storages.get(&dump.storage).and_then(|storage| storage.option("path"));
    say(format!("creating vzdump archive '{}/dump/{name}'", root.unwrap_or("/var/lib/vz")));
    let size = size.max(4096);
    let kept = kept(dump, guest, disks, ctime);
    if size > state.free(&dump.storage) {
        return Err("No space left on device".to_owned());
    }
    say(format!("Total bytes written: {bytes} ({}MiB, 200MiB/s)", bytes / MIB));
    say(format!("archive file size: {}MB", size / MIB));
    if kept.notes.is_some() {
        say("adding notes to backup".to_owned());
    }
    if dump.is_protected {
        say("marking backup as protected".to_owned());
    }
    let format = format!("{}{}", archive(kind), ending(dump));
    let file = Volume { format, ctime, ..Volume::file(&volid, size) };
    if let Some(storage) = state.storages.get_mut(&dump.storage) {
        storage.volumes.insert(volid.clone(), file);
        state.dirty.storages = true;
    }
    state.backups.insert(volid, kept);
    if let Some(rule) = &dump.rule {
        say(format!("prune older backups with retention: {}", rule.replace(',', ", ")));
        say(format!("pruned {} backup(s)", prune(dump, state, kind, vmid, rule)));
    }
    say(format!("Finished Backup of VM {vmid} (00:00:0{})", now().saturating_sub(dump.started).min(9)));
    say(format!("Backup finished at {}", clock(now())));
    Ok(())
}

/// An archive of a container that is to be made.
pub(crate) struct Planned {
    /// The name of its file.
    pub(crate) file: String,
    /// The keys of the disks that are in it.
    pub(crate) disks: Vec<String>,
    /// The configuration as it holds it.
    pub(crate) config: String,
}

/// Returns the archive that is made of a container, if this task has locked it.
pub(crate) fn planned(dump: &Dump, state: &State, vmid: u32) -> Option<Planned> {
    let guest = state.guest(GuestKind::Lxc, vmid).filter(|_| dump.locked.contains(&vmid))?;
    let disks = included(guest, &mut |_| ());
    let (file, ctime) = file_of(dump, state, GuestKind::Lxc, vmid);
    let keys = disks.keys().cloned().collect();
    Some(Planned { file, disks: keys, config: kept(dump, guest, disks, ctime).text() })
}

fn kept(dump: &Dump, guest: &Guest, disks: BTreeMap<String, (u64, u64)>, ctime: u64) -> Backup {
    Backup {
        kind: guest.kind,
        vmid: guest.vmid,
        config: kept_options(guest),
        raw: guest.raw.clone(),
        disks,
        world: guest.world.clone(),
        ctime,
        notes: dump.notes.as_ref().map(|template| notes(template, guest, &dump.node)),
        is_protected: dump.is_protected,
    }
}

/// Returns the name of an archive's file and the time in it, which no other has.
fn file_of(dump: &Dump, state: &State, kind: GuestKind, vmid: u32) -> (String, u64) {
    let name = |time: u64| {
        let (archive, ending) = (archive(kind), ending(dump));
        format!("vzdump-{}-{vmid}-{}.{archive}{ending}", kind.api_name(), stamp(time))
    };
    let is_taken = |time: u64| state.volume(&format!("{}:backup/{}", dump.storage, name(time))).is_some();
    let free = (dump.started..).find(|time| !is_taken(*time)).unwrap_or(dump.started);
    (name(free), free)
}

fn archive(kind: GuestKind) -> &'static str {
    if kind == GuestKind::Lxc { "tar" } else { "vma" }
}

fn ending(dump: &Dump) -> &'static str {
    match dump.compress.as_str() {
        "zstd" => ".zst",
        "gzip" => ".gz",
        "1" | "lzo" => ".lzo",
        _ => "",
    }
}

/// Returns the disks that a backup holds: size and what each takes.
fn included(guest: &Guest, say: &mut impl FnMut(String)) -> BTreeMap<String, (u64, u64)> {
    let mut disks = BTreeMap::new();
    for (key, value) in guest.config.iter().filter(|(key, _)| config::is_disk(guest.kind, key)) {
        let wish = config::property(value, "backup").map(config::is_true);
        let place = config::property(value, "mp").unwrap_or("/");
        let volume = guest.volumes.get(config::volume_of(value));
        let is_medium = value.contains("media=cdrom") || key.starts_with("unused");
        match (guest.kind, volume) {
            (_, _) if is_medium => {}
            (GuestKind::Lxc, None) => {
                say(format!("excluding bind mount point {key} ('{place}') from backup"))
            }
            (GuestKind::Lxc, Some(_)) if key != "rootfs" && wish != Some(true) => {
                say(format!("excluding volume mount point {key} ('{place}') from backup (disabled)"));
            }
            (GuestKind::Vm, Some(_)) if wish == Some(false) => {
                say(format!("exclude disk '{key}' '{}' (backup=no)", config::volume_of(value)));
            }
            (GuestKind::Lxc, Some(volume)) => {
                say(format!("including mount point {key} ('{place}') in backup"));
                disks.insert(key.clone(), (volume.size, volume.used));
            }
            (GuestKind::Vm, Some(volume)) => {
                let size = config::property(value, "size").unwrap_or("");
                say(format!("include disk '{key}' '{}' {size}", config::volume_of(value)));
                disks.insert(key.clone(), (volume.size, volume.used));
            }
            (GuestKind::Vm, None) => {}
        }
    }
    for (key, disk) in &mut disks {
        // A size that the configuration knows better, after a resize for instance.
        let known = guest.get(key).and_then(|value| config::property(value, "size"));
        disk.0 = disk.0.max(known.and_then(|text| parse_size(text, 0)).unwrap_or(0));
    }
    disks
}

/// Returns the options that an archive holds: not what belongs to the moment.
fn kept_options(guest: &Guest) -> BTreeMap<String, String> {
    let is_kept = |key: &str| !matches!(key, "lock" | "parent" | "snapstate") && !key.starts_with("unused");
    guest
        .config
        .iter()
        .filter(|(key, _)| is_kept(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Fills in what a template of notes leaves open.
fn notes(template: &str, guest: &Guest, node: &str) -> String {
    template
        .replace("\\n", "\n")
        .replace("{{guestname}}", &guest.name())
        .replace("{{vmid}}", &guest.vmid.to_string())
        .replace("{{node}}", node)
        .replace("{{cluster}}", "standalone node - no cluster")
}

/// Removes the backups of a guest that a rule does not keep; returns how many.
fn prune(dump: &Dump, state: &mut State, kind: GuestKind, vmid: u32, rule: &str) -> usize {
    let (volids, times): (Vec<String>, Vec<(u64, bool)>) = state
        .backups
        .on(&dump.storage)
        .filter(|(_, backup)| backup.kind == kind && backup.vmid == vmid)
        .map(|(volid, backup)| (volid.clone(), (backup.ctime, backup.is_protected)))
        .unzip();
    let marks = backup::marks(rule, &times);
    let doomed = volids.into_iter().zip(marks).filter(|(_, mark)| *mark == Mark::Remove);
    doomed.filter(|(volid, _)| delete(state, &dump.storage, volid, &mut Vec::new()).is_ok()).count()
}
