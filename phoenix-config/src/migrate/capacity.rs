//! Capacity: root disks are made smaller until they fit into the quota of their storage.

use std::collections::BTreeMap;

use serde_json::json;

use super::draft::Draft;
use crate::{
    lower::parse_quota,
    model::{Entry, HYPERVISOR_FILE},
};

const GIB: u64 = 1 << 30;

/// The smallest root disk that is made.
const LEAST: u64 = 8;

pub(super) fn fit(draft: &mut Draft<'_>) {
    let Some(zfs) = &draft.model.hypervisor.zfs else { return };
    for (index, dataset) in zfs.datasets.iter().enumerate() {
        let storage = format!("{}-{}", dataset.pool, dataset.name);
        let properties = draft
            .files
            .get(HYPERVISOR_FILE)
            .and_then(|root| root.pointer(&format!("/zfs/datasets/{index}/properties"))?.as_str());
        if let Some(quota) = properties.and_then(parse_quota) {
            shrink(draft, &storage, quota / GIB);
        }
    }
}

/// Halves the largest root disk again and again; none goes below the guest that it is cloned from.
fn shrink(draft: &mut Draft<'_>, storage: &str, quota: u64) {
    let model = draft.model;
    let guests = model.guests();
    let mut sizes: BTreeMap<u32, u64> =
        guests.iter().filter_map(|guest| Some((guest.id.vmid.0, guest.disk_gb?))).collect();
    let mut wanted: u64 = 0;
    for guest in &guests {
        if guest.storage == Some(storage) {
            wanted += guest.disk_gb.unwrap_or(0);
        }
        if let Entry::Lxc(lxc) = guest.entry {
            let volumes = lxc.zfs_volumes.iter().chain(&lxc.volumes).filter(|volume| volume.pool == storage);
            wanted += volumes.map(|volume| volume.size_gb).sum::<u64>();
        }
    }
    let old = sizes.clone();
    let sum = wanted;
    while wanted > quota {
        let candidate = guests
            .iter()
            .filter(|guest| guest.storage == Some(storage))
            .filter_map(|guest| {
                let size = *sizes.get(&guest.id.vmid.0)?;
                let source =
                    guest.clone.as_ref().and_then(|clone| sizes.get(&clone.source)).copied().unwrap_or(LEAST);
                (size / 2 >= source.max(LEAST)).then_some((size, guest.id.vmid.0))
            })
            .max_by_key(|(size, vmid)| (*size, std::cmp::Reverse(*vmid)));
        let Some((size, vmid)) = candidate else { return };
        sizes.insert(vmid, size / 2);
        wanted -= size - size / 2;
    }
    for guest in &guests {
        let vmid = guest.id.vmid.0;
        let (Some(before), Some(now)) = (old.get(&vmid), sizes.get(&vmid)) else { continue };
        if before == now {
            continue;
        }
        let key = match guest.entry {
            Entry::Lxc(_) => "storage_size_gb",
            Entry::Vm(_) => "disk_size_gb",
        };
        if let Some(entry) = draft.object(&guest.spot.file, &guest.spot.pointer) {
            entry.insert(key.to_owned(), json!(now));
        }
        let why = format!(
            "the disks on `{storage}` add up to {sum} GiB, more than its quota of {quota} GiB; a disk can grow later"
        );
        draft.explain(
            &guest.spot.file,
            &guest.spot.at(key).pointer,
            format!("lowered `{key}` from {before} to {now}"),
            why,
        );
    }
}
