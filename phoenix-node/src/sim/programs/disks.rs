//! Programs that look at disks, and the one that takes their signatures off: `lsblk`, `wipefs`, `blkid`, `readlink`, `findmnt`.

use serde_json::{Value, json};

use crate::{
    disks::{Disk, Part},
    sim::{
        disks::{self, BY_ID},
        programs::{Ran, Run},
        world::{Body, World},
    },
};

pub(super) fn lsblk(run: Run<'_>) -> Ran {
    if !run.args.iter().any(|word| word == "-J") {
        return Ran::failed(1, "lsblk: only `lsblk -J` is simulated");
    }
    let rows: Vec<Value> = run.world.disks().disks.iter().map(|(name, disk)| row(name, disk)).collect();
    Ran::said(format!("{}\n", json!({ "blockdevices": rows })))
}

fn row(name: &str, disk: &Disk) -> Value {
    let parts: Vec<Value> =
        disk.parts.iter().enumerate().map(|(at, part)| part_row(&disk.part(at), part)).collect();
    let (model, serial) = name.rsplit_once('_').unwrap_or((name, ""));
    let mut row = json!({
        "name": disk.node, "path": format!("/dev/{}", disk.node), "type": "disk", "size": disk.bytes, "ro": false,
        "fstype": disk.holds, "label": null, "pttype": disk.table, "mountpoints": [null], "serial": serial,
        "model": model.split_once('-').map_or(model, |(_, model)| model).replace('_', " "),
    });
    if !parts.is_empty() {
        row["children"] = parts.into();
    }
    row
}

fn part_row(name: &str, part: &Part) -> Value {
    json!({
        "name": name, "path": format!("/dev/{name}"), "type": "part", "size": part.bytes, "ro": false, "fstype": part.holds,
        "label": part.label, "pttype": "gpt", "mountpoints": [part.mount], "serial": null, "model": null,
    })
}

/// Returns the path of a device at the end of its links.
fn device(world: &World, path: &str) -> Option<String> {
    let mut path = path.to_owned();
    for _ in 0..8 {
        match &world.file(&path)?.body {
            Body::Link(target) => path.clone_from(target),
            Body::Directory | Body::Tree | Body::Text(_) | Body::Opaque { .. } => return Some(path),
        }
    }
    None
}

pub(super) fn readlink(run: Run<'_>) -> Ran {
    match run.words()[..] {
        ["-e" | "-f", path] => match device(run.world, path) {
            Some(path) => Ran::said(format!("{path}\n")),
            None => Ran::failed(1, ""),
        },
        _ => Ran::failed(1, "readlink: only `-e` and `-f` are simulated"),
    }
}

/// Returns what is on a disk or partition itself.
fn signatures(world: &World, path: &str) -> Option<Vec<String>> {
    let node = device(world, path)?.strip_prefix("/dev/")?.to_owned();
    for disk in world.disks().disks.values() {
        if disk.node == node {
            let table = disk.table.iter().flat_map(|table| [table.clone(), "PMBR".to_owned()]);
            return Some(disk.holds.iter().cloned().chain(table).collect());
        }
        if let Some(at) = (0..disk.parts.len()).find(|at| disk.part(*at) == node) {
            return Some(disk.parts[at].holds.iter().cloned().collect());
        }
    }
    None
}

pub(super) fn wipefs(run: Run<'_>) -> Ran {
    let words = run.words();
    let paths: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    if words.contains(&"--all") {
        return wipe(run.world, &paths);
    }
    let [path] = paths[..] else { return Ran::failed(1, "wipefs: no device") };
    let Some(found) = signatures(run.world, path) else {
        return Ran::failed(
            1,
            format!("wipefs: error: {path}: probing initialization failed: No such file or directory"),
        );
    };
    let rows: Vec<Value> =
        found.iter().map(|kind| json!({"device": path, "offset": "0x0", "type": kind})).collect();
    Ran::said(format!("{}\n", json!({ "signatures": rows })))
}

fn wipe(world: &mut World, paths: &[&str]) -> Ran {
    let mut all = world.disks().clone();
    for path in paths {
        let node = device(world, path).unwrap_or_default();
        // A partition whose table is gone has gone with it.
        let Some(node) = node.strip_prefix("/dev/") else { continue };
        let used = all.pools.iter().find(|(_, pool)| {
            let is_its = |name: &String| all.disks.get(name).is_some_and(|disk| node.starts_with(&disk.node));
            !pool.is_exported && pool.disks.iter().any(is_its)
        });
        if used.is_some() {
            return Ran::failed(
                1,
                format!("wipefs: error: {path}: probing initialization failed: Device or resource busy"),
            );
        }
        for disk in all.disks.values_mut() {
            if disk.node == node {
                (disk.holds, disk.table) = (None, None);
                disk.parts.clear();
            } else if let Some(at) = (0..disk.parts.len()).find(|at| disk.part(*at) == node) {
                disk.parts[at].holds = None;
            }
        }
    }
    disks::show(world, &all);
    Ran::default()
}

pub(super) fn blkid(run: Run<'_>) -> Ran {
    let ["-p", path] = run.words()[..] else {
        return Ran::failed(1, "blkid: only `blkid -p DEVICE` is simulated");
    };
    match signatures(run.world, path) {
        None => Ran::failed(2, format!("blkid: error: {path}: No such file or directory")),
        Some(found) => match found.first() {
            None => Ran { status: 2, ..Ran::default() },
            Some(kind) => Ran::said(format!("{path}: TYPE=\"{kind}\"\n")),
        },
    }
}

pub(super) fn findmnt(run: Run<'_>) -> Ran {
    match run.words()[..] {
        ["-n", "-o", "FSTYPE", "/"] => Ran::said("ext4\n"),
        _ => Ran::failed(1, ""),
    }
}

/// Returns the name under `/dev/disk/by-id` in a path.
pub(super) fn by_id(path: &str) -> Option<&str> {
    path.strip_prefix(BY_ID)
}
