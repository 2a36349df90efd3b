//! Exports that the host's file lists: they become those of the feature `nfs-server` of the ground that guests stand on,
//! beside the volumes that are exported to virtual machines.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_core::{Diagnostic, FeatureUse};
use serde_json::{Map, Value, json};

use crate::{
    format::samba::Export,
    lower::Context,
    model::{HYPERVISOR_FILE, Spot},
};

/// Options of an export that say what is so anyway.
const ANYWAY: [&str; 5] = ["sync", "no_subtree_check", "root_squash", "secure", "sec=sys"];

/// Adds the exports to the features of the ground.
pub(super) fn add(context: &mut Context<'_>, ground: &mut Vec<FeatureUse>) {
    let exports = context.model.hypervisor.nfs.iter().flat_map(|nfs| &nfs.exports).enumerate();
    let exports: Vec<(usize, &Export)> = exports.collect();
    if exports.is_empty() || !context.registered.contains("nfs-server") {
        return;
    }
    let entries: Vec<Value> =
        exports.iter().map(|(at, export)| entry(context, &format!("/nfs/exports/{at}"), export)).collect();
    // A dataset is there when it is mounted; a directory made in its place would hide behind it.
    let model = context.model;
    let pools = model.hypervisor.zfs.iter().flat_map(|zfs| &zfs.pools);
    let pools: Vec<String> = pools.map(|pool| format!("/{}/", pool.name)).collect();
    let is_plain =
        |path: &str| !path.starts_with("/mnt/pve/") && !pools.iter().any(|pool| path.starts_with(pool));
    let plain =
        exports.iter().map(|(_, export)| export.path.trim_end_matches('/')).filter(|path| is_plain(path));
    let directories: Vec<Value> = plain.map(|path| json!({ "path": path, "once": true })).collect();
    if !directories.is_empty() && context.registered.contains("volume-directories") {
        push_all(config(ground, "volume-directories"), "directories", directories);
    }
    let Some(server) = config(ground, "nfs-server") else { return };
    let address = context.host.addresses.first().and_then(|address| address.parse::<IpNet>().ok());
    if let Some(address) = address {
        server.entry("address").or_insert_with(|| json!(address.addr()));
    }
    push_all(Some(server), "exports", entries);
}

/// Returns an export as the feature reads it; what it cannot take over is reported.
fn entry(context: &mut Context<'_>, pointer: &str, export: &Export) -> Value {
    let has = |option: &str| export.options.iter().any(|one| one.trim() == option);
    for (at, option) in export.options.iter().map(|option| option.trim()).enumerate() {
        if !ANYWAY.contains(&option) && !["rw", "ro", "no_root_squash"].contains(&option) {
            let message = format!("the option `{option}` of the export `{}` is not taken over", export.path);
            let finding = Diagnostic::warning("export-option", message);
            let hint = "`rw`, `ro` and `no_root_squash` are what an export can be; remove it";
            report(context, &format!("{pointer}/options/{at}"), finding.with_hint(hint));
        }
    }
    let mut clients = Vec::new();
    for (at, client) in export.clients.iter().enumerate() {
        for one in client.split(',').map(str::trim) {
            if one.parse::<IpAddr>().is_ok() || one.parse::<IpNet>().is_ok() {
                clients.push(json!({
                    "address": one, "read_only": has("ro"), "no_root_squash": has("no_root_squash"),
                }));
                continue;
            }
            let message =
                format!("`{one}` is no address or network that `{}` could be exported to", export.path);
            let hint = "write an address, or a network such as `10.0.0.0/24`";
            let finding = Diagnostic::error("export-client", message).with_hint(hint);
            report(context, &format!("{pointer}/clients/{at}"), finding);
        }
    }
    json!({ "path": export.path.trim_end_matches('/'), "clients": clients })
}

fn report(context: &mut Context<'_>, pointer: &str, finding: Diagnostic) {
    context.findings.push(Spot::new(HYPERVISOR_FILE, pointer).put(finding));
}

/// Returns the configuration of a feature of the ground, which it has from now on.
fn config<'a>(ground: &'a mut Vec<FeatureUse>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let at = ground.iter().position(|one| one.name == name).unwrap_or_else(|| {
        ground.push(FeatureUse { name: name.to_owned(), config: json!({}), path: "/nfs".to_owned() });
        ground.len() - 1
    });
    ground[at].config.as_object_mut()
}

/// Adds entries to a list, but for those whose path has one already.
fn push_all(config: Option<&mut Map<String, Value>>, key: &str, values: Vec<Value>) {
    let list = config.map(|config| config.entry(key).or_insert_with(|| json!([])));
    let Some(list) = list.and_then(Value::as_array_mut) else { return };
    for value in values {
        if !list.iter().any(|one| one["path"] == value["path"]) {
            list.push(value);
        }
    }
}
