//! Rows of guests: the live lists of a node and the current status of one guest.

use phoenix_core::GuestKind;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::{State, config, guest::Guest, now, volume::parse_size},
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}", Handler::Kind(list)),
    ("GET /nodes/{node}/{kind}/{vmid}/status/current", Handler::Guest(current)),
];

pub(crate) fn list(call: &mut Call<'_>, kind: GuestKind) -> Reply {
    let rows: Vec<Value> = call
        .state
        .guests
        .values()
        .filter(|guest| guest.kind == kind && call.may(&format!("/vms/{}", guest.vmid), &["VM.Audit"]))
        .map(|guest| row(call.state, guest).into())
        .collect();
    Ok(Value::from(rows).into())
}

pub(crate) fn current(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    let mut data = row(call.state, guest);
    let managed = match call.state.cluster.ha.manages(kind, vmid) {
        // The manager stands by, so it has not said anything of the guest yet.
        true => json!({ "managed": 1, "state": null }),
        false => json!({ "managed": 0 }),
    };
    data.insert("ha".to_owned(), managed);
    if kind == GuestKind::Vm {
        data.insert("qmpstatus".to_owned(), status_word(guest).into());
        if guest.get("agent").is_some_and(|agent| {
            config::is_true(config::property(agent, "").unwrap_or("")) || agent.contains("enabled=1")
        }) {
            data.insert("agent".to_owned(), 1.into());
        }
    }
    Ok(Value::from(data).into())
}

/// Returns what a list says of a guest.
pub(crate) fn row(state: &State, guest: &Guest) -> Map<String, Value> {
    let mut row = Map::new();
    let mut put = |key: &str, value: Value| {
        row.insert(key.to_owned(), value);
    };
    let cores = cores(state, guest);
    let memory = if guest.config.contains_key("memory") { config_memory(guest) } else { 512 << 20 };
    put("vmid", guest.vmid.into());
    put("name", guest.name().into());
    put("status", status_word(guest).into());
    put("cpus", cores.into());
    put("maxmem", memory.into());
    put("maxdisk", disk_size(guest).into());
    put("uptime", if guest.running { now().saturating_sub(guest.started).max(1).into() } else { 0.into() });
    put("mem", if guest.running { (memory / 4).into() } else { 0.into() });
    for key in ["cpu", "disk", "diskread", "diskwrite", "netin", "netout"] {
        put(key, 0.into());
    }
    if let Some(lock) = guest.lock() {
        put("lock", lock.into());
    }
    if let Some(tags) = guest.get("tags") {
        put("tags", tags.into());
    }
    if guest.is_template() {
        put("template", 1.into());
    }
    match guest.kind {
        GuestKind::Lxc => {
            put("type", "lxc".into());
            put("swap", 0.into());
            let swap = guest.get("swap").and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
            put("maxswap", (swap << 20).into());
            if guest.running {
                put("pid", (10_000 + guest.vmid).into());
            }
        }
        GuestKind::Vm => {
            put("memhost", 0.into());
            if guest.config.keys().any(|key| key.starts_with("serial")) {
                put("serial", 1.into());
            }
            if guest.running {
                put("pid", (10_000 + guest.vmid).into());
            }
        }
    }
    row
}

pub(crate) fn status_word(guest: &Guest) -> &'static str {
    if guest.running { "running" } else { "stopped" }
}

pub(crate) fn cores(state: &State, guest: &Guest) -> u32 {
    let number = |key: &str| guest.get(key).and_then(|text| text.parse::<u32>().ok());
    match guest.kind {
        GuestKind::Lxc => number("cores").unwrap_or(state.cores),
        GuestKind::Vm => number("cores").unwrap_or(1) * number("sockets").unwrap_or(1),
    }
}

pub(crate) fn disk_size(guest: &Guest) -> u64 {
    let key = match guest.kind {
        GuestKind::Lxc => Some("rootfs"),
        GuestKind::Vm => {
            ["scsi0", "virtio0", "sata0", "ide0"].into_iter().find(|key| guest.config.contains_key(*key))
        }
    };
    let size = key.and_then(|key| guest.get(key)).and_then(|value| config::property(value, "size"));
    match (size.and_then(|size| parse_size(size, 0)), guest.kind) {
        (Some(size), _) => size,
        (None, GuestKind::Lxc) => 4 << 30,
        (None, GuestKind::Vm) => 0,
    }
}
