//! The servers that metrics are sent to, and what would be sent.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        folder::Folder,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::now,
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/metrics/server", Handler::Plain(list)),
    ("GET /cluster/metrics/server/{id}", Handler::Plain(read)),
    ("POST /cluster/metrics/server/{id}", Handler::Plain(|call| FOLDER.create(call))),
    ("PUT /cluster/metrics/server/{id}", Handler::Plain(|call| FOLDER.update(call))),
    ("DELETE /cluster/metrics/server/{id}", Handler::Plain(|call| FOLDER.remove(call))),
    ("GET /cluster/metrics/export", Handler::Plain(export)),
];

const FOLDER: Folder = Folder {
    id: "id",
    noun: "",
    required: &["port", "server"],
    kind: "",
    shelf: |cluster| &cluster.metrics,
    shelf_mut: |cluster| &mut cluster.metrics,
    taken: |id| format!("metric server '{id}' already exists"),
    missing: |id| format!("status server entry '{id}' does not exist"),
};

fn list(call: &mut Call<'_>) -> Reply {
    let servers = call.state.cluster.metrics.iter();
    let rows = servers.map(|server| {
        let mut row = json!({ "id": server.id, "type": server.kind });
        for key in ["server", "port"] {
            row[key] = server.values.get(key).cloned().unwrap_or(Value::Null);
        }
        row["disable"] = server.values.get("disable").cloned().unwrap_or_else(|| 0.into());
        row
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let mut row = FOLDER.row(FOLDER.find(call)?, None);
    row.remove("id");
    Ok(Value::from(row).into())
}

/// Returns a row for each figure of each guest and of the node.
fn export(call: &mut Call<'_>) -> Reply {
    let time = now();
    let mut rows = Vec::new();
    let mut put = |id: String, metric: &str, value: Value, kind: &str| {
        rows.push(json!({ "id": id, "metric": metric, "value": value, "timestamp": time, "type": kind }));
    };
    let state = &call.state;
    for guest in state.guests.values() {
        let id = format!("{}/{}", guest.kind.api_name(), guest.vmid);
        put(id.clone(), "mem_total", config_memory(guest).into(), "gauge");
        let uptime = if guest.running { time.saturating_sub(guest.started) } else { 0 };
        put(id, "uptime", uptime.into(), "gauge");
    }
    let node = format!("node/{}", state.name);
    put(node.clone(), "mem_total", state.memory.into(), "gauge");
    put(node.clone(), "cpu_max", state.cores.into(), "gauge");
    put(node, "uptime", time.saturating_sub(state.booted).into(), "gauge");
    Ok(json!({ "data": rows }).into())
}
