//! Backups of real containers: what a dump and a restore do to the machine, and archives that nobody knows any more.

use std::{collections::BTreeMap, fs};

use phoenix_core::GuestKind;
use phoenix_sandbox::{Archive, Containers, NewDisk, Owners};

use super::{
    Deed,
    deeds::{PATIENCE, file_of, start},
    spec::{container, disk_id, size_of},
    volumes::kind_of,
};
use crate::{
    state::{
        State,
        config::{property, volume_of},
        guest::disks_of,
    },
    work::{Dump, Restore, StorageJob, Work, dump::planned},
};

/// Backs containers up. One that runs goes on, unless the mode says that it is stopped meanwhile.
pub(super) fn dump(dump: &Dump, state: &State) -> Result<Vec<Deed>, String> {
    let mut deeds = Vec::new();
    for &vmid in &dump.vmids {
        let Some(planned) = planned(dump, state, vmid) else { continue };
        let Some(guest) = state.guest(GuestKind::Lxc, vmid) else { continue };
        let archive = archive(vmid, &dump.storage, planned.file, &guest.config, |key| {
            planned.disks.iter().any(|wanted| wanted == key)
        })?;
        let pause = dump.mode == "stop" && guest.running;
        if pause {
            deeds.push(Deed::Stop { vmid, patience: Some(PATIENCE), force: true });
        }
        deeds.push(Deed::BackUp { archive: Box::new(archive), config: planned.config });
        if pause {
            deeds.extend(start(state, GuestKind::Lxc, vmid)?);
        }
    }
    Ok(deeds)
}

/// Makes a container from a backup. What was there before goes when all is in its place.
pub(super) fn restore(work: &Restore, state: &State) -> Result<Vec<Deed>, String> {
    let failed = |text: String| format!("unable to restore CT {} - {text}", work.vmid);
    let backup = state.backups.get(&work.volid);
    let backup = backup.ok_or_else(|| failed(format!("volume '{}' does not exist", work.volid)))?;
    let (storage, _) = work.volid.split_once(':').unwrap_or((&work.volid, ""));
    let archive =
        archive(work.vmid, storage, file_of(&work.volid), &work.config, |_| true).map_err(failed)?;
    let config = &work.config;
    let values: BTreeMap<String, &String> = disks_of(config, GuestKind::Lxc)
        .into_iter()
        .filter_map(|(key, volid)| Some((disk_id(&volid), config.get(&key)?)))
        .collect();
    let ids = [&archive.root].into_iter().chain(archive.volumes.iter().map(|(id, _)| id));
    let news = ids.filter_map(|id| values.get(id)).map(|value| NewDisk {
        kind: kind_of(state, volume_of(value)),
        owners: archive.owners,
        size: size_of(value),
    });
    let news = news.collect();
    let held = state.guest(GuestKind::Lxc, work.vmid).map(|guest| guest.volumes.keys());
    let old = held.into_iter().flatten().filter(|volid| !work.made.contains(*volid));
    let old: Vec<String> = old.map(|volid| disk_id(volid)).collect();
    let mut deeds = vec![Deed::Unpack { archive: Box::new(archive), news }];
    if !old.is_empty() {
        deeds.push(Deed::Remove { disks: old });
    }
    if work.start {
        deeds.push(Deed::Start(Box::new(container(work.vmid, config, &backup.raw)?)));
    }
    Ok(deeds)
}

/// Returns what takes away the disks of a restore that failed.
pub(super) fn after_restore(work: &Restore) -> Deed {
    Deed::Remove { disks: work.made.iter().map(|volid| disk_id(volid)).collect() }
}

/// Returns an archive of those disks of a container whose keys are in it.
fn archive(
    vmid: u32,
    storage: &str,
    file: String,
    config: &BTreeMap<String, String>,
    is_in: impl Fn(&str) -> bool,
) -> Result<Archive, String> {
    let mut volumes = Vec::new();
    let mut root = None;
    for (key, volid) in disks_of(config, GuestKind::Lxc).into_iter().filter(|(key, _)| is_in(key)) {
        match property(&config[&key], "mp") {
            _ if key == "rootfs" => root = Some(disk_id(&volid)),
            Some(target) => volumes.push((disk_id(&volid), target.to_owned())),
            None => {}
        }
    }
    // What is mounted inside another comes after it.
    volumes.sort_by(|one, other| one.1.cmp(&other.1));
    let root = root.ok_or("there is no root file system")?;
    let owners = match config.get("unprivileged").map(String::as_str) {
        Some("1") => Owners::Shifted,
        Some(_) | None => Owners::Plain,
    };
    Ok(Archive { vmid, storage: storage.to_owned(), file, owners, root, volumes })
}

/// Removes archives that are no backups any more, while no task works on any. What a backup is, the state alone says.
pub(super) fn sweep(containers: &Containers, state: &State) {
    let is_of_archives = |work: &Work| {
        matches!(work, Work::Dump(_) | Work::Restore(_) | Work::Storage(StorageJob::Copy { .. }))
    };
    if state.active.values().filter_map(|task| task.work.as_ref()).any(is_of_archives) {
        return;
    }
    for storage in state.storages.keys() {
        let folder = containers.archives(storage);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = state.backups.get(&format!("{storage}:backup/{name}")).is_some();
            if !is_known && let Err(error) = fs::remove_file(entry.path()) {
                tracing::debug!(%error, name, "an archive that nobody knows");
            }
        }
    }
}
