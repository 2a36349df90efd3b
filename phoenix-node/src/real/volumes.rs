//! What tasks on single volumes do to the machine: growing, moving, giving away, removing.

use phoenix_core::GuestKind;
use phoenix_sandbox::DiskKind;

use super::{
    Deed,
    deeds::file_of,
    spec::{disk_id, size_of},
};
use crate::{
    state::{
        State,
        config::volume_of,
        storage::Storage,
        volume::{Plugin, parse_size},
    },
    work::{StorageJob, What},
};

/// Returns how the storage of a volume keeps disks.
pub(super) fn kind_of(state: &State, volid: &str) -> DiskKind {
    let storage = volid.split_once(':').and_then(|(name, _)| state.storages.get(name));
    match storage.map(Storage::kind) {
        Some(Plugin::Files) => DiskKind::Directory,
        Some(Plugin::Btrfs) => DiskKind::Btrfs,
        Some(Plugin::Zfs | Plugin::Thin | Plugin::Thick) | None => DiskKind::Layers,
    }
}

/// Lets a disk grow to a size, which is one in bytes since the task has begun.
pub(super) fn resize(state: &State, vmid: u32, disk: &str, size: &str) -> Vec<Deed> {
    let id = value_of(state, vmid, disk).map(|value| disk_id(volume_of(value)));
    id.zip(parse_size(size, 0)).map(|(id, size)| Deed::Resize { id, size }).into_iter().collect()
}

/// Moves a volume to another storage, or gives it to another container.
pub(super) fn moves(state: &State, vmid: u32, what: &What) -> Vec<Deed> {
    let (disk, made) = match what {
        What::Move { disk, made: Some(made), .. } | What::Reassign { disk, made: Some(made), .. } => {
            (disk, made)
        }
        What::Move { made: None, .. }
        | What::Reassign { made: None, .. }
        | What::Pause
        | What::Hibernate
        | What::Resume
        | What::Reset
        | What::Migrate { .. } => return Vec::new(),
    };
    let Some(value) = value_of(state, vmid, disk) else { return Vec::new() };
    let (from, to) = (disk_id(volume_of(value)), disk_id(made));
    let What::Move { delete, .. } = what else { return vec![Deed::Rename { from, to }] };
    let (kind, size) = (kind_of(state, made), size_of(value));
    let copy = Deed::Copy { from: from.clone(), to, snapshot: None, vmid, kind, size };
    let gone = delete.then(|| Deed::Remove { disks: vec![from] });
    [copy].into_iter().chain(gone).collect()
}

/// Does what a task on a storage does to the disks and archives that lie there.
pub(super) fn of_storage(state: &State, job: &StorageJob) -> Vec<Deed> {
    match job {
        StorageJob::Fetch { volid, content, .. } if content == "vztmpl" => {
            vec![Deed::Image { name: file_of(volid) }]
        }
        StorageJob::Delete { volid, .. } => {
            let is_disk = state.volume(volid).is_some_and(|volume| volume.content == "rootdir");
            is_disk.then(|| Deed::Remove { disks: vec![disk_id(volid)] }).into_iter().collect()
        }
        StorageJob::Copy { volid, target } if state.backups.get(volid).is_some() => {
            let place = |volid: &str| {
                let (storage, _) = volid.split_once(':').unwrap_or((volid, ""));
                (storage.to_owned(), file_of(volid))
            };
            vec![Deed::CopyArchive { from: place(volid), to: place(target) }]
        }
        StorageJob::Fetch { .. }
        | StorageJob::Import { .. }
        | StorageJob::Copy { .. }
        | StorageJob::Prune { .. } => Vec::new(),
    }
}

fn value_of<'a>(state: &'a State, vmid: u32, disk: &str) -> Option<&'a str> {
    state.guest(GuestKind::Lxc, vmid).and_then(|guest| guest.get(disk))
}
