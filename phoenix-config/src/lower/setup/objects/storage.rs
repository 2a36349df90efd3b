//! Storages: those on datasets, and those that are declared with the keys of their sort.

use std::collections::BTreeSet;

use phoenix_core::ResourceId;
use serde_json::json;

use super::{Objects, reference};

/// Adds the storages, and returns the ids of all that are declared, also of those that are only named.
pub(super) fn add(objects: &mut Objects<'_, '_>) -> BTreeSet<String> {
    let file = &objects.context.model.hypervisor;
    let secrets = |name: &str| {
        let entry = file.storages.iter().find(|entry| entry.name == name);
        entry.and_then(|entry| reference(entry.password.as_ref()))
    };
    let mut names: BTreeSet<String> = file.proxmox_storage_ids.values().cloned().collect();
    let mut specs = Vec::new();
    for (pointer, storage) in objects.context.host.storages.iter().map(|storage| (&storage.pointer, storage))
    {
        names.insert(storage.name.clone());
        let Some(mut values) = storage.definition.clone() else { continue };
        values.insert("type".to_owned(), storage.plugin.clone());
        let content: BTreeSet<&str> = storage.content.iter().map(String::as_str).collect();
        values.insert("content".to_owned(), content.into_iter().collect::<Vec<_>>().join(","));
        let mut spec = json!({
            "name": storage.name,
            "node": objects.node,
            "values": values,
            "adopt": storage.adopt,
            "dependencies": objects.ground,
        });
        if let Some(secret) = secrets(&storage.name) {
            spec["secrets"] = json!({ "password": secret });
        }
        specs.push((ResourceId::new("storage", &storage.name), spec, pointer.clone()));
    }
    for (id, spec, pointer) in specs {
        let plugin = spec["values"]["type"].as_str().unwrap_or_default().to_owned();
        let missing = needs(&plugin).iter().find(|key| spec["values"].get(**key).is_none());
        if let Some(key) = missing {
            let message = format!("the storage `{}` of the sort `{plugin}` lacks `{key}`", id.name());
            objects.fault(&pointer, message, "add it; all keys of a storage: `phoenix schema hypervisor`");
        }
        if objects.desired.resources.contains_key(&id) {
            let message = format!("the storage `{}` is declared twice", id.name());
            objects.fault(&pointer, message, "remove one of them");
        }
        objects.declare(id, spec, pointer);
    }
    names
}

/// Returns the properties without which Proxmox VE makes no storage of a sort.
fn needs(plugin: &str) -> &'static [&'static str] {
    match plugin {
        "dir" | "btrfs" => &["path"],
        "nfs" => &["server", "export"],
        "cifs" => &["server", "share"],
        "pbs" => &["server", "datastore", "username"],
        "lvm" => &["vgname"],
        "lvmthin" => &["vgname", "thinpool"],
        "zfspool" => &["pool"],
        "esxi" => &["server", "username"],
        "iscsi" | "iscsidirect" => &["portal", "target"],
        _ => &[],
    }
}
