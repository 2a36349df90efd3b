//! Capacity: disks against quotas, quotas against pools, memory of what starts at boot.

use std::collections::BTreeMap;

use super::Check;
use crate::{
    lower::{parse_quota, pool_bytes},
    model::{Entry, HYPERVISOR_FILE, LXC_FILE, Spot},
};

const GIB: u64 = 1 << 30;

pub(super) fn check(check: &mut Check<'_>) {
    disks(check);
    quotas(check);
    memory(check);
}

fn disks(check: &mut Check<'_>) {
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for guest in check.guests {
        if let (Some(storage), Some(gib)) = (guest.storage, guest.disk_gb) {
            *wanted.entry(storage).or_default() += gib;
        }
        match guest.entry {
            Entry::Lxc(lxc) => {
                for volume in lxc.zfs_volumes.iter().chain(&lxc.volumes) {
                    *wanted.entry(&volume.pool).or_default() += volume.size_gb;
                }
            }
            Entry::Vm(vm) => {
                for disk in vm.disks.values() {
                    *wanted.entry(&disk.storage).or_default() += disk.size_gb;
                }
            }
        }
    }
    for (index, dataset) in check.model.hypervisor.zfs.iter().flat_map(|zfs| &zfs.datasets).enumerate() {
        let name = format!("{}-{}", dataset.pool, dataset.name);
        let Some(gib) = wanted.get(name.as_str()).copied() else { continue };
        let Some(quota) = dataset.properties.as_deref().and_then(parse_quota) else { continue };
        if gib.saturating_mul(GIB) > quota {
            let spot = Spot::new(HYPERVISOR_FILE, format!("/zfs/datasets/{index}/properties"));
            let message = format!(
                "the disks on `{name}` add up to {gib} GiB, more than its quota of {} GiB",
                quota / GIB
            );
            check.warning(
                &spot,
                "storage-overcommitted",
                message,
                "raise the quota, or make the disks smaller",
            );
        }
    }
}

fn quotas(check: &mut Check<'_>) {
    let Some(zfs) = &check.model.hypervisor.zfs else { return };
    for (index, pool) in zfs.pools.iter().enumerate() {
        let Some(size) = pool_bytes(pool) else { continue };
        let sum: u64 = zfs
            .datasets
            .iter()
            .filter(|dataset| dataset.pool == pool.name)
            .filter_map(|dataset| dataset.properties.as_deref().and_then(parse_quota))
            .sum();
        if sum > size {
            let spot = Spot::new(HYPERVISOR_FILE, format!("/zfs/pools/{index}/name"));
            let message = format!(
                "the quotas on the pool `{}` add up to {} GiB, but its disks hold about {} GiB",
                pool.name,
                sum / GIB,
                size / GIB
            );
            check.warning(&spot, "pool-overcommitted", message, "lower some quotas");
        }
    }
}

fn memory(check: &mut Check<'_>) {
    let starting: Vec<u64> =
        check.guests.iter().filter(|guest| guest.start_at_boot).map(|guest| guest.memory_mb).collect();
    if let (false, Some(first)) = (starting.is_empty(), check.guests.iter().find(|guest| guest.start_at_boot))
    {
        let sum: u64 = starting.iter().sum();
        let message = format!(
            "the {} guests that start at boot may take {} GiB of memory together",
            starting.len(),
            sum.div_ceil(1024)
        );
        let spot = Spot { pointer: String::new(), ..first.spot.clone() };
        let top = if &*spot.file == LXC_FILE { "/lxc_configs" } else { "/vms" };
        let spot = Spot { pointer: top.to_owned(), ..spot };
        check.note(&spot, "boot-memory", message, "the host needs that much, and the rest of the system too");
    }
}
