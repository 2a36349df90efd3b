//! What the simulated host sees of its disks: nodes of devices, their names that stay, and what the module of ZFS shows.

use crate::{
    disks::Disks,
    sim::world::{Body, Entry, World},
};

/// Where disks have names that stay.
pub(crate) const BY_ID: &str = "/dev/disk/by-id/";
const MODULE: &str = "/sys/module/zfs";
const ARC: &str = "/sys/module/zfs/parameters/zfs_arc_max";

/// Lets the host have disks, and shows them.
pub(crate) fn show(world: &mut World, disks: &Disks) {
    let old: Vec<String> = world
        .files()
        .into_keys()
        .filter(|path| {
            path.starts_with(BY_ID) || path.starts_with("/dev/nvme") || path.starts_with("/dev/sd")
        })
        .map(str::to_owned)
        .collect();
    for path in old {
        world.put_file(&path, None);
    }
    for (name, disk) in &disks.disks {
        device(world, &format!("{BY_ID}{name}"), &disk.node);
        for at in 0..disk.parts.len() {
            device(world, &format!("{BY_ID}{name}-part{}", at + 1), &disk.part(at));
        }
    }
    if world.file(MODULE).is_none() {
        world.place(ARC, Entry::root(0o644, Body::Text("0\n".to_owned())));
    }
    world.set_disks(disks);
}

fn device(world: &mut World, link: &str, node: &str) {
    let path = format!("/dev/{node}");
    world.place(&path, Entry::root(0o660, Body::Text(String::new())));
    world.place(link, Entry::root(0o777, Body::Link(path)));
}
