//! A container: the JSON form of `phoenix-lxc`'s spec.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Context, guest};
use crate::{
    format::lxc::{Device, Lxc, LxcDefaults},
    model::Guest,
    shape::raw_line,
};

/// Returns the spec of a container.
pub(super) fn spec(context: &mut Context<'_>, guest: &Guest<'_>, lxc: &Lxc) -> Option<Value> {
    let no_defaults = LxcDefaults::default();
    let defaults = context.model.lxc.lxc_defaults.as_ref().unwrap_or(&no_defaults);
    let (kind, vmid) = (guest.id.kind, guest.id.vmid.0);
    let snapshot = lxc.template_snapshot_name.clone().filter(|_| !context.model.is_cloned(kind, vmid));
    let parts = guest::Parts {
        cores: lxc.cores.or(defaults.cores),
        nameservers: &lxc.nameservers,
        default_nameservers: &defaults.nameservers,
        search_domain: &lxc.search_domain,
        tags: &lxc.tags,
        title: &lxc.title,
        node: &lxc.node,
        description: &lxc.description,
        protection: lxc.protection,
        power: lxc.power,
        boot_delay: lxc.boot_delay,
        lifecycle_snapshots: lxc.enable_lifecycle_snapshots.unwrap_or(false),
        final_snapshot: lxc.final_snapshot.clone().or(snapshot),
        health: &lxc.health,
        options: &lxc.options,
    };
    let shared = guest::spec(context, guest, parts)?;
    Some(json!({
        "guest": shared,
        "swap_mib": lxc.swap_mb.or(defaults.swap_mb).unwrap_or(0),
        "unprivileged": lxc.unprivileged.or(defaults.unprivileged).unwrap_or(true),
        "mounts": mounts(lxc),
        "features": options(lxc, defaults),
        "devices": devices(&lxc.devices),
        "raw": raw(lxc),
    }))
}

fn mounts(lxc: &Lxc) -> Vec<Value> {
    let volumes = lxc.zfs_volumes.iter().chain(&lxc.volumes).map(|volume| {
        json!({
            "target": volume.mount_point,
            "source": { "kind": "volume", "storage": volume.pool, "gib": volume.size_gb },
            "read_only": volume.read_only,
            "backup": volume.backup,
        })
    });
    let binds = lxc.mount_points.iter().map(|mount| {
        let mut value = json!({
            "target": mount.container_path,
            "source": { "kind": "bind", "path": mount.host_path },
            "read_only": mount.read_only,
        });
        if let Some(uid) = mount.owner_uid {
            value["uid"] = json!(uid);
        }
        if let Some(gid) = mount.owner_gid {
            value["gid"] = json!(gid);
        }
        value
    });
    volumes.chain(binds).collect()
}

fn options(lxc: &Lxc, defaults: &LxcDefaults) -> BTreeMap<String, String> {
    defaults
        .pct_options
        .iter()
        .chain(&lxc.pct_options)
        .filter_map(|option| option.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

fn devices(devices: &[Device]) -> BTreeMap<String, Value> {
    devices
        .iter()
        .map(|device| {
            let mode = device.mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
            (device.path.clone(), json!({ "mode": mode, "uid": device.uid, "gid": device.gid }))
        })
        .collect()
}

/// Raw lines are a set, so a profile that is given twice is written once.
fn raw(lxc: &Lxc) -> BTreeSet<(String, String)> {
    let mut raw: BTreeSet<(String, String)> = lxc
        .lxc_options
        .iter()
        .filter_map(|line| raw_line(line))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if let Some(profile) = &lxc.apparmor_profile {
        raw.insert(("lxc.apparmor.profile".to_owned(), profile.clone()));
        if lxc.apparmor_manages_nesting == Some(true) && profile != "unconfined" {
            raw.insert(("lxc.apparmor.allow_nesting".to_owned(), "1".to_owned()));
        }
    }
    raw
}
