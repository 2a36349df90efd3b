//! The calls on the cluster and on the node itself.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
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
    ("GET /nodes/{node}/status", Handler::Plain(node_status)),
    ("GET /nodes/{node}/version", Handler::Plain(version)),
    ("GET /nodes/{node}/network", Handler::Plain(network)),
];

pub(crate) fn version(_call: &mut Call<'_>) -> Reply {
    Ok(json!({ "release": "9.2", "repoid": "phoenix-node", "version": "9.2.11" }).into())
}

pub(crate) fn nodes(call: &mut Call<'_>) -> Reply {
    Ok(json!([node_row(call)]).into())
}

/// Returns the row of the node, without its numbers for callers who may not see them.
pub(crate) fn node_row(call: &mut Call<'_>) -> Value {
    if !call.may(&format!("/nodes/{}", call.state.name), &["Sys.Audit"]) {
        let name = &call.state.name;
        return json!({ "node": name, "id": format!("node/{name}"), "type": "node", "status": "online", "level": "" });
    }
    let total: u64 = call.state.storages.get("local").map_or(0, |storage| storage.total);
    let used = call.state.used("local");
    json!({
        "node": call.state.name,
        "id": format!("node/{}", call.state.name),
        "type": "node",
        "status": "online",
        "level": "",
        "cpu": 0,
        "maxcpu": call.state.cores,
        "mem": memory_used(call),
        "maxmem": call.state.memory,
        "disk": used,
        "maxdisk": total,
        "uptime": uptime(call),
    })
}

pub(crate) fn node_status(call: &mut Call<'_>) -> Reply {
    let used = memory_used(call);
    let disk = call.state.used("local");
    let total = call.state.storages.get("local").map_or(0, |storage| storage.total);
    Ok(json!({
        "uptime": uptime(call),
        "pveversion": "pve-manager/9.2.11/phoenix-node",
        "kversion": "Linux 6.14.0-phoenix",
        "cpu": 0,
        "wait": 0,
        "loadavg": ["0.00", "0.00", "0.00"],
        "cpuinfo": { "cpus": call.state.cores, "cores": call.state.cores, "sockets": 1, "model": "simulated" },
        "memory": {
            "total": call.state.memory,
            "used": used,
            "free": call.state.memory.saturating_sub(used),
            "available": call.state.memory.saturating_sub(used),
        },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "rootfs": { "total": total, "used": disk, "free": total - disk.min(total), "avail": total - disk.min(total) },
    })
    .into())
}

pub(crate) fn network(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = call
        .state
        .bridges
        .iter()
        .map(|name| {
            json!({ "iface": name, "type": "bridge", "active": 1, "autostart": 1, "exists": 1, "method": "manual" })
        })
        .collect();
    Ok(Value::from(rows).into())
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
    let free = (100..1_000_000_000).find(|vmid| !call.state.guests.contains_key(vmid));
    let free = free.ok_or_else(|| Refusal::failed("unable to get any free VMID"))?;
    Ok(Value::from(free.to_string()).into())
}

pub(crate) fn status(call: &mut Call<'_>) -> Reply {
    let name = &call.state.name;
    Ok(json!([{ "id": format!("node/{name}"), "name": name, "type": "node", "ip": "127.0.0.1", "level": "",
        "local": 1, "nodeid": 0, "online": 1 }])
    .into())
}

fn memory_used(call: &Call<'_>) -> u64 {
    call.state.guests.values().filter(|guest| guest.running).map(|guest| config_memory(guest) / 4).sum()
}

fn uptime(call: &Call<'_>) -> u64 {
    now().saturating_sub(call.state.booted).max(1)
}
