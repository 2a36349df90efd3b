//! The rows of the cluster's resources: guests, storages, nodes and pools, as far as the caller may see them.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call, cluster, guests,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::{State, guest::Guest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("GET /cluster/resources", Handler::Plain(resources))];

fn resources(call: &mut Call<'_>) -> Reply {
    let kind = call.args.get("type").map(str::to_owned);
    let wanted = |word: &str| kind.as_deref().is_none_or(|kind| kind == word);
    let mut rows = Vec::new();
    if kind.is_none() {
        let pools = call.state.pools.0.keys();
        let seen = pools.filter(|name| call.may(&format!("/pool/{name}"), &["Pool.Audit"]));
        rows.extend(seen.map(|name| json!({ "id": format!("/pool/{name}"), "pool": name, "type": "pool" })));
    }
    if wanted("node") {
        for node in call.state.all_nodes() {
            let mut row = cluster::node_row(call, &node);
            row["cgroup-mode"] = 2.into();
            rows.push(row);
        }
    }
    if wanted("sdn") {
        rows.extend(networks(call));
    }
    if wanted("vm") {
        let guests = call.state.guests.values();
        let seen = guests.filter(|guest| call.may(&format!("/vms/{}", guest.vmid), &["VM.Audit"]));
        rows.extend(seen.map(|guest| guest_row(call.state, guest)));
    }
    if wanted("storage") {
        let names: Vec<String> = call.state.storages.keys().cloned().collect();
        for name in names {
            if !call.may(&format!("/storage/{name}"), &["Datastore.Audit"]) {
                continue;
            }
            for node in call.state.all_nodes() {
                if call.state.storages[&name].is_enabled(&node) {
                    rows.push(storage_row_on(call.state, &node, &name));
                }
            }
        }
    }
    Ok(Value::from(rows).into())
}

/// Returns a row for each zone of networks that is in force; the node's own bridges are one.
fn networks(call: &Call<'_>) -> Vec<Value> {
    let node = &call.state.name;
    let zones = call.state.cluster.sdn.running.zones.iter().map(|zone| zone.id.as_str());
    let seen = ["localnetwork"].into_iter().chain(zones);
    let seen = seen.filter(|zone| call.may(&format!("/sdn/zones/{zone}"), &["SDN.Audit"]));
    let row = |zone: &str| {
        json!({ "id": format!("network/{node}/zone/{zone}"), "network": zone, "network-type": "zone",
            "node": node, "status": "ok", "type": "network" })
    };
    seen.map(row).collect()
}

/// Returns the row of a guest.
pub(crate) fn guest_row(state: &State, guest: &Guest) -> Value {
    let kind = guest.kind.api_name();
    let is_reserved = matches!(guest.lock(), Some("create" | "clone")) && guest.config.len() == 1;
    let seen = match &state.seen {
        // Who looks only now and then has not seen it yet, or as it was.
        Some(seen) => seen.get(&guest.vmid).cloned(),
        None if is_reserved => None,
        None => Some(measured(state, guest)),
    };
    let mut row = seen.unwrap_or_else(|| Map::from_iter([("status".to_owned(), "unknown".into())]));
    row.insert("vmid".to_owned(), guest.vmid.into());
    for key in ["lock", "tags"] {
        match guest.get(key) {
            Some(value) => row.insert(key.to_owned(), value.into()),
            None => row.remove(key),
        };
    }
    row.insert("id".to_owned(), format!("{kind}/{}", guest.vmid).into());
    row.insert("node".to_owned(), state.node_of(guest).into());
    row.insert("type".to_owned(), kind.into());
    if let Some(word) = state.cluster.ha.state_word(guest.kind, guest.vmid) {
        row.insert("hastate".to_owned(), word.into());
    }
    if let Some(pool) = state.pools.of_guest(guest.vmid) {
        row.insert("pool".to_owned(), pool.into());
    }
    row.into()
}

/// Lets the status daemon have a look: until its next one, the rows of guests say what it saw.
pub(crate) fn look(state: &mut State) {
    let guests = state.guests.values().filter(|guest| guest.config.len() > 1);
    state.seen = Some(guests.map(|guest| (guest.vmid, measured(state, guest))).collect());
}

/// Returns what a status daemon measures of a guest.
fn measured(state: &State, guest: &Guest) -> Map<String, Value> {
    let mut row = guests::row(state, guest);
    if let Some(cores) = row.remove("cpus") {
        row.insert("maxcpu".to_owned(), cores);
    }
    row.retain(|key, _| {
        !matches!(key.as_str(), "pid" | "swap" | "maxswap" | "serial") && !key.starts_with("pressure")
    });
    for key in ["memhost", "diskread", "diskwrite"] {
        row.entry(key).or_insert(0.into());
    }
    row.insert("template".to_owned(), u8::from(guest.is_template()).into());
    row
}

/// Returns the row of a storage that is there.
pub(crate) fn storage_row(state: &mut State, name: &str) -> Value {
    let node = state.name.clone();
    storage_row_on(state, &node, name)
}

fn storage_row_on(state: &mut State, node: &str, name: &str) -> Value {
    let used = state.used_on(node, name);
    let storage = &state.storages[name];
    json!({ "id": format!("storage/{node}/{name}"), "storage": name, "node": node, "type": "storage",
        "status": "available", "plugintype": storage.plugin, "content": storage.content_list(), "shared": 0,
        "disk": used, "maxdisk": storage.total })
}
