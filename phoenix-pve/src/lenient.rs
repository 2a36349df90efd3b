//! Lenient readers: PVE gives the same thing as a number here and as a text there, and 8.4 leaves out what 9 has.
//! What is missing or odd reads as its empty value; only what nothing can be done without makes a row unreadable.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    GuestId, GuestKind, Vmid,
    evidence::{GuestConfig, GuestRow, NodeRow, SnapshotRow, StorageRow, VolumeRow},
};
use serde_json::Value;

/// Returns a value in the text form that PVE itself takes; none for a null.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(",")),
        Value::Object(_) => Some(value.to_string()),
    }
}

/// Returns a non-empty text.
pub fn word(value: &Value) -> Option<String> {
    text(value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Returns a number, from a number or its text.
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().filter(|float| *float >= 0.0).map(|float| float as u64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(u64::from(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Tells whether a boolean is set, whatever it is written as.
pub fn flag(value: &Value) -> bool {
    number(value).is_some_and(|number| number != 0)
}

/// Returns the items of a list; none for what is no list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the vmid of a row.
pub fn vmid(row: &Value) -> Option<Vmid> {
    number(&row["vmid"]).and_then(|number| u32::try_from(number).ok()).and_then(Vmid::new)
}

/// Returns the tags of a row or config: PVE separates them by `;`, and takes `,` and blanks.
pub fn tags(value: &Value) -> BTreeSet<String> {
    let text = text(value).unwrap_or_default();
    text.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// Returns a guest's row of a listing. `node` and `kind` are what the row itself does not say.
pub fn guest(row: &Value, node: Option<&str>, kind: Option<GuestKind>) -> Option<GuestRow> {
    let kind = match row["type"].as_str() {
        Some("lxc") => GuestKind::Lxc,
        Some("qemu") => GuestKind::Vm,
        _ => kind?,
    };
    Some(GuestRow {
        guest: GuestId { kind, vmid: vmid(row)? },
        node: node.map(str::to_owned).or_else(|| word(&row["node"]))?,
        name: word(&row["name"]),
        running: row["status"] == "running",
        template: flag(&row["template"]),
        lock: word(&row["lock"]),
        tags: tags(&row["tags"]),
        task: None,
    })
}

/// Returns what of a guest's row in the cluster's listing is not known: a kind of guest, a status, or the whole row.
pub fn unknown_of_guest(row: &Value, read: Option<&GuestRow>) -> Vec<String> {
    const STATUSES: [&str; 6] = ["running", "stopped", "unknown", "paused", "suspended", "prelaunch"];
    let word = |key: &str| row[key].as_str();
    let mut unknown = Vec::new();
    match (read, word("type")) {
        (None, Some(kind)) => unknown.push(format!("a guest of the kind `{kind}` in the listing")),
        (None, None) => unknown.push("a row of the listing without a kind".to_owned()),
        (Some(_), _) => {}
    }
    if let Some(status) = word("status").filter(|status| !STATUSES.contains(status)) {
        unknown.push(format!("the status `{status}` of a guest, which counts as stopped"));
    }
    unknown
}

/// Returns a node's row.
pub fn node(row: &Value) -> Option<NodeRow> {
    Some(NodeRow {
        name: word(&row["node"])?,
        online: row["status"] == "online",
        cores: number(&row["maxcpu"]).and_then(|cores| u32::try_from(cores).ok()).unwrap_or(0),
        memory: number(&row["maxmem"]).unwrap_or(0),
    })
}

/// Returns a storage's name and row.
pub fn storage(row: &Value) -> Option<(String, StorageRow)> {
    let content = text(&row["content"]).unwrap_or_default();
    let row = (
        word(&row["storage"])?,
        StorageRow {
            plugin: word(&row["type"]).unwrap_or_default(),
            content: content
                .split(',')
                .map(str::trim)
                .filter(|kind| !kind.is_empty())
                .map(str::to_owned)
                .collect(),
            active: flag(&row["active"]),
            shared: flag(&row["shared"]),
            total: number(&row["total"]).unwrap_or(0),
            free: number(&row["avail"]).unwrap_or(0),
        },
    );
    Some(row)
}

/// Returns a volume's row.
pub fn volume(row: &Value) -> Option<VolumeRow> {
    Some(VolumeRow {
        volid: word(&row["volid"])?,
        content: word(&row["content"]).unwrap_or_default(),
        size: number(&row["size"]).unwrap_or(0),
    })
}

/// Returns a guest's configuration.
pub fn config(data: &Value) -> GuestConfig {
    let mut config = GuestConfig::default();
    for (key, value) in data.as_object().into_iter().flatten() {
        match key.as_str() {
            "digest" => config.digest = text(value).unwrap_or_default(),
            "lxc" => {
                let lines: Vec<String> = items(value).iter().filter_map(raw_line).collect();
                if !lines.is_empty() {
                    config.values.insert(key.clone(), lines.join("\n"));
                }
            }
            _ => {
                if let Some(value) = text(value) {
                    config.values.insert(key.clone(), value);
                }
            }
        }
    }
    config
}

/// Returns a guest's configuration from its `pending` call: as it will be after the next start, with the keys whose
/// change waits for that.
pub fn pending(data: &Value) -> GuestConfig {
    let mut config = GuestConfig::default();
    for row in items(data) {
        let Some(key) = word(&row["key"]) else { continue };
        let is_deleted = number(&row["delete"]).is_some_and(|delete| delete > 0);
        let next = text(&row["pending"]);
        if key == "digest" {
            config.digest = text(&row["value"]).unwrap_or_default();
            continue;
        }
        if is_deleted || next.is_some() {
            config.pending.insert(key.clone());
        }
        if let Some(value) = next.or_else(|| text(&row["value"])).filter(|_| !is_deleted) {
            config.values.insert(key, value);
        }
    }
    config
}

/// Returns the snapshots of a list, oldest first, without `current`.
pub fn snapshots(data: &Value) -> Vec<SnapshotRow> {
    let mut rows: BTreeMap<String, (u64, SnapshotRow)> = BTreeMap::new();
    for row in items(data) {
        let Some(name) = word(&row["name"]).filter(|name| name != "current") else { continue };
        let snapshot = SnapshotRow {
            name: name.clone(),
            parent: word(&row["parent"]),
            description: text(&row["description"]).unwrap_or_default().trim_end().to_owned(),
        };
        rows.insert(name, (number(&row["snaptime"]).unwrap_or(0), snapshot));
    }
    // Two snapshots can be of the same second, so the number of ancestors decides between them.
    let depth = |name: &str| {
        let mut depth = 0;
        let mut parent = rows.get(name).and_then(|(_, row)| row.parent.as_deref());
        while let Some(above) = parent.filter(|_| depth <= rows.len()) {
            depth += 1;
            parent = rows.get(above).and_then(|(_, row)| row.parent.as_deref());
        }
        depth
    };
    let mut order: Vec<(u64, usize, String)> =
        rows.iter().map(|(name, (time, _))| (*time, depth(name), name.clone())).collect();
    order.sort();
    order.into_iter().filter_map(|(_, _, name)| rows.remove(&name)).map(|(_, row)| row).collect()
}

fn raw_line(item: &Value) -> Option<String> {
    match items(item) {
        [key, value] => Some(format!("{}: {}", text(key)?, text(value)?)),
        _ => text(item),
    }
}
