//! Storages: every one that is named exists and may hold what is put on it.

use std::collections::BTreeSet;

use super::Check;
use crate::{
    format::zfs::StorageKind,
    model::{Entry, HYPERVISOR_FILE, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    declared(check);
    old_ids(check);
    used(check);
}

fn declared(check: &mut Check<'_>) {
    let Some(zfs) = &check.model.hypervisor.zfs else { return };
    let mut names = BTreeSet::new();
    for (index, dataset) in zfs.datasets.iter().enumerate() {
        let spot = Spot::new(HYPERVISOR_FILE, format!("/zfs/datasets/{index}"));
        if !zfs.pools.iter().any(|pool| pool.name == dataset.pool) {
            let message = format!(
                "the dataset `{}` is on the pool `{}`, which is not declared",
                dataset.name, dataset.pool
            );
            check.error(&spot.at("pool"), "unknown-pool", message, "add it to `zfs.pools`");
        }
        if !names.insert((&dataset.pool, &dataset.name)) {
            let message = format!("the dataset `{}/{}` is given twice", dataset.pool, dataset.name);
            check.error(&spot.at("name"), "duplicate-storage", message, "remove one of them");
        }
        let holds_containers = dataset
            .proxmox_content_type
            .as_deref()
            .is_some_and(|types| types.split(',').any(|one| one.trim() == "rootdir"));
        if dataset.proxmox_storage_type == Some(StorageKind::Dir) && holds_containers {
            let message = format!(
                "containers on `{}-{}` would be image files without snapshots and clones",
                dataset.pool, dataset.name
            );
            check.warning(
                &spot.at("proxmox_content_type"),
                "dir-rootdir",
                message,
                "remove `rootdir`, or make it a `zfspool`",
            );
        }
    }
}

/// The predecessor looked storages up as `<pool>_<name with _>`; other keys never match.
fn old_ids(check: &mut Check<'_>) {
    let datasets = check.model.hypervisor.zfs.iter().flat_map(|zfs| &zfs.datasets);
    let wanted: BTreeSet<String> =
        datasets.map(|dataset| format!("{}_{}", dataset.pool, dataset.name.replace('-', "_"))).collect();
    for (key, id) in &check.model.hypervisor.proxmox_storage_ids {
        let spot = Spot::new(HYPERVISOR_FILE, format!("/proxmox_storage_ids/{key}"));
        if check.host.storage(id).is_none() {
            check.warning(
                &spot,
                "unknown-storage",
                format!("there is no dataset for the storage `{id}`"),
                "remove it",
            );
        } else if !wanted.contains(key) {
            let message = format!("the key `{key}` matches no dataset, so it was never found");
            check.warning(
                &spot,
                "storage-key",
                message,
                format!("remove it: the storage is named `{id}` anyway"),
            );
        }
    }
}

fn used(check: &mut Check<'_>) {
    if check.host.storages.is_empty() {
        return;
    }
    for guest in check.guests {
        let (root_key, content) = match guest.entry {
            Entry::Lxc(_) => ("storage_pool", "rootdir"),
            Entry::Vm(_) => ("storage_pool", "images"),
        };
        if let Some(storage) = guest.storage {
            usable(check, &guest.spot.at(root_key), storage, content);
        }
        match guest.entry {
            Entry::Lxc(lxc) => {
                for (key, volumes) in [("zfs_volumes", &lxc.zfs_volumes), ("volumes", &lxc.volumes)] {
                    for (index, volume) in volumes.iter().enumerate() {
                        usable(
                            check,
                            &guest.spot.at(&format!("{key}/{index}/pool")),
                            &volume.pool,
                            "rootdir",
                        );
                    }
                }
                if let Some(storage) = &lxc.os_template_storage {
                    usable(check, &guest.spot.at("os_template_storage"), storage, "vztmpl");
                }
            }
            Entry::Vm(vm) => {
                for (key, disk) in &vm.disks {
                    usable(check, &guest.spot.at(&format!("disks/{key}/storage")), &disk.storage, "images");
                }
                if let Some(storage) = &vm.image_storage {
                    usable(check, &guest.spot.at("image_storage"), storage, "import");
                }
            }
        }
    }
}

/// `local` and `local-zfs` come with every installation and need no declaration.
fn usable(check: &mut Check<'_>, spot: &Spot, storage: &str, content: &str) {
    if storage == "local" || storage.starts_with("local-") {
        return;
    }
    let known: Vec<String> = check.host.storages.iter().map(|storage| storage.name.clone()).collect();
    let Some(declared) = check.host.storage(storage) else {
        let near = crate::shape::nearest(storage, known.iter().map(String::as_str));
        let hint = near.map_or_else(
            || format!("declared: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        check.error(spot, "unknown-storage", format!("there is no storage `{storage}`"), hint);
        return;
    };
    if !declared.content.iter().any(|has| has == content) {
        let message = format!(
            "the storage `{storage}` holds {}, but this needs `{content}`",
            declared.content.join(", ")
        );
        check.error(
            spot,
            "storage-content",
            message,
            format!("add `{content}` to its `proxmox_content_type`"),
        );
    }
}
