//! Rows of guests: the live lists of a node and the current status of one guest.

use phoenix_core::GuestKind;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call, agent_of,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::{State, config, ext4, guest::Guest, now, volume::parse_size},
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}", Handler::Kind(list)),
    ("GET /nodes/{node}/{kind}/{vmid}/status/current", Handler::Guest(current)),
];

pub(crate) fn list(call: &mut Call<'_>, kind: GuestKind) -> Reply {
    let (node, full) = (call.node(), kind == GuestKind::Vm && call.args.flag("full"));
    let rows: Vec<Value> = call
        .state
        .guests
        .values()
        .filter(|guest| guest.kind == kind && call.state.node_of(guest) == node)
        .filter(|guest| call.may(&format!("/vms/{}", guest.vmid), &["VM.Audit"]))
        .map(|guest| {
            let mut row = row(call.state, guest);
            if full {
                row.insert("qmpstatus".to_owned(), qmp_word(guest).into());
            }
            row.into()
        })
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
        data.insert("qmpstatus".to_owned(), qmp_word(guest).into());
        if agent_of(guest).is_some() {
            data.insert("agent".to_owned(), 1.into());
        }
        let vga = guest.get("vga").unwrap_or_default();
        data.insert("clipboard".to_owned(), config::property(vga, "clipboard").into());
        if vga.contains("qxl") {
            data.insert("spice".to_owned(), 1.into());
        }
        if guest.running {
            let nets = guest.config.keys().filter_map(|key| key.strip_prefix("net"));
            let nics = nets.map(|index| (format!("tap{vmid}i{index}"), json!({ "netin": 0, "netout": 0 })));
            data.insert("nics".to_owned(), nics.collect::<Map<_, _>>().into());
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
    put("maxdisk", disk_size(state, guest).into());
    put("uptime", if guest.running { now().saturating_sub(guest.started).max(1).into() } else { 0.into() });
    put("mem", if guest.running { (memory / 4).into() } else { 0.into() });
    for key in ["cpu", "disk", "netin", "netout"] {
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
            put("diskread", 0.into());
            put("diskwrite", 0.into());
            put("swap", 0.into());
            let swap = guest.get("swap").and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
            put("maxswap", (swap << 20).into());
            if guest.running {
                put("pid", (10_000 + guest.vmid).into());
                pressure(&mut row, "0.00".into());
            }
        }
        GuestKind::Vm => {
            put("memhost", 0.into());
            if guest.config.keys().any(|key| key.starts_with("serial")) {
                put("serial", 1.into());
            }
            if guest.running {
                put("pid", (10_000 + guest.vmid).into());
                pressure(&mut row, 0.into());
            }
        }
    }
    row
}

/// Adds how much waited for what: texts for a container, numbers for a machine.
fn pressure(row: &mut Map<String, Value>, none: Value) {
    for what in ["cpufull", "cpusome", "iofull", "iosome", "memoryfull", "memorysome"] {
        row.insert(format!("pressure{what}"), none.clone());
    }
}

/// Returns what the machine below says of its state.
fn qmp_word(guest: &Guest) -> &'static str {
    match (guest.running, guest.paused) {
        (true, true) => "paused",
        (true, false) => "running",
        (false, _) => "stopped",
    }
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

/// Returns the size that lists show: that of the disk that a machine boots from, or of a container's root, as its file
/// system sees it where it is mounted.
fn disk_size(state: &State, guest: &Guest) -> u64 {
    let key = match guest.kind {
        GuestKind::Lxc => Some("rootfs".to_owned()),
        GuestKind::Vm => boot_disk(guest),
    };
    let Some(value) = key.as_ref().and_then(|key| guest.get(key)) else {
        return if guest.kind == GuestKind::Lxc { 4 << 30 } else { 0 };
    };
    let volid = config::volume_of(value);
    let volume = guest.volumes.get(volid);
    let named = config::property(value, "size").and_then(|size| parse_size(size, 0));
    let size = volume.map(|volume| volume.size).or(named).unwrap_or(0);
    match (guest.kind, volume) {
        (GuestKind::Lxc, Some(volume)) if guest.running && volume.format == "raw" => {
            ext4::visible(guest.formatted.get(volid).copied().unwrap_or(size), size)
        }
        (GuestKind::Lxc, Some(volume)) if guest.running && size == 0 => {
            state.storages.get(&volume.storage).map_or(0, |storage| storage.total)
        }
        (GuestKind::Lxc, _) if size == 0 => 4 << 30,
        (GuestKind::Lxc | GuestKind::Vm, _) => size,
    }
}

/// Returns the disk that a machine boots from: the first of its order, or of the buses.
fn boot_disk(guest: &Guest) -> Option<String> {
    let order = guest.get("boot").and_then(|boot| config::property(boot, "order")).unwrap_or_default();
    let is_disk = |key: &str| {
        config::is_disk(GuestKind::Vm, key)
            && guest.get(key).is_some_and(|value| !value.contains("media=cdrom"))
    };
    if let Some(key) = order.split(';').find(|key| is_disk(key)) {
        return Some(key.to_owned());
    }
    ["scsi0", "virtio0", "sata0", "ide0"].into_iter().find(|key| is_disk(key)).map(str::to_owned)
}
