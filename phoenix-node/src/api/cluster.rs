//! The calls on the cluster and on the node itself.

use serde_json::{Value, json};

use crate::{
    api::{
        Call, datacenter,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::now,
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /version", Handler::Plain(version)),
    ("GET /nodes", Handler::Plain(nodes)),
    ("GET /cluster/nextid", Handler::Plain(next_id)),
    ("GET /cluster/status", Handler::Plain(status)),
    ("GET /nodes/{node}/version", Handler::Plain(version)),
];

pub(crate) fn version(_call: &mut Call<'_>) -> Reply {
    Ok(json!({ "release": "9.2", "repoid": "14a22df35955d97d", "version": "9.2.11" }).into())
}

pub(crate) fn nodes(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = call.state.all_nodes().iter().map(|name| node_row(call, name)).collect();
    Ok(Value::from(rows).into())
}

/// Returns the row of a node, without its numbers for callers who may not see them.
pub(crate) fn node_row(call: &mut Call<'_>, name: &str) -> Value {
    if !call.may(&format!("/nodes/{name}"), &["Sys.Audit"]) {
        return json!({ "node": name, "id": format!("node/{name}"), "type": "node", "status": "online", "level": "" });
    }
    let total: u64 = call.state.storages.get("local").map_or(0, |storage| storage.total);
    let used = call.state.used_on(name, "local");
    json!({
        "node": name,
        "id": format!("node/{name}"),
        "type": "node",
        "status": "online",
        "level": "",
        "cpu": 0,
        "maxcpu": call.state.cores,
        "mem": memory_used(call, name),
        "maxmem": call.state.memory,
        "disk": used,
        "maxdisk": total,
        "uptime": uptime(call),
    })
}

pub(crate) fn next_id(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    if args.get("vmid").is_some() {
        let vmid = args.vmid("vmid");
        return match call.state.guests.get(&vmid) {
            Some(_) => Err(Refusal::param("vmid", format!("VM {vmid} already exists"))),
            None => Ok(Value::from(vmid.to_string()).into()),
        };
    }
    let (first, end) = datacenter::id_range(&call.state.cluster);
    let free = (first..end).find(|vmid| !call.state.guests.contains_key(vmid));
    let text = || format!("unable to get any free VMID in range [{first}, {end}]");
    let free = free.ok_or_else(|| Refusal::failed(text()))?;
    Ok(Value::from(free.to_string()).into())
}

pub(crate) fn status(call: &mut Call<'_>) -> Reply {
    let nodes = call.state.all_nodes();
    let is_cluster = nodes.len() > 1;
    let mut rows = Vec::new();
    if is_cluster {
        rows.push(json!({ "id": "cluster", "name": "phoenix", "type": "cluster", "version": nodes.len(),
            "nodes": nodes.len(), "quorate": 1 }));
    }
    for (index, name) in nodes.iter().enumerate() {
        rows.push(json!({ "id": format!("node/{name}"), "name": name, "type": "node", "ip": "127.0.0.1", "level": "",
            "local": u8::from(*name == call.state.name), "nodeid": if is_cluster { index + 1 } else { 0 }, "online": 1 }));
    }
    Ok(Value::from(rows).into())
}

fn memory_used(call: &Call<'_>, node: &str) -> u64 {
    let here = call.state.guests.values().filter(|guest| call.state.node_of(guest) == node);
    here.filter(|guest| guest.running).map(|guest| config_memory(guest) / 4).sum()
}

fn uptime(call: &Call<'_>) -> u64 {
    now().saturating_sub(call.state.booted).max(1)
}
