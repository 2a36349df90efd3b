//! What an agent tells of itself and of its system.

use serde_json::{Value, json};

use crate::state::{config, guest::Guest, now_ms};

/// The commands that the simulated agent knows, without the word before each.
const COMMANDS: &[&str] = &[
    "exec",
    "exec-status",
    "file-open",
    "file-read",
    "file-write",
    "fsfreeze-freeze",
    "fsfreeze-status",
    "fsfreeze-thaw",
    "fstrim",
    "get-fsinfo",
    "get-host-name",
    "get-osinfo",
    "get-time",
    "get-timezone",
    "get-users",
    "get-vcpus",
    "info",
    "network-get-interfaces",
    "ping",
    "set-user-password",
    "shutdown",
];

/// Answers a command about the agent itself.
pub(super) fn of_agent(guest: &Guest, command: &str) -> Value {
    let disks = guest.disks().len();
    match command {
        "fsfreeze-freeze" | "fsfreeze-thaw" => disks.into(),
        "fsfreeze-status" => "thawed".into(),
        "fstrim" => json!({ "paths": [{ "path": "/", "trimmed": 0, "minimum": 0 }] }),
        "info" => {
            let commands: Vec<Value> = COMMANDS
                .iter()
                .map(|name| json!({ "name": format!("guest-{name}"), "enabled": true, "success-response": true }))
                .collect();
            json!({ "version": "10.1.2", "supported_commands": commands })
        }
        _ => json!({}),
    }
}

/// Answers a command about the system that the agent runs in.
pub(super) fn of_system(guest: &Guest, cores: u32, command: &str) -> Value {
    match command {
        "get-host-name" => json!({ "host-name": guest.world.hostname() }),
        "get-osinfo" => os(guest),
        "get-time" => now_ms().saturating_mul(1_000_000).into(),
        "get-timezone" => json!({ "zone": "UTC", "offset": 0 }),
        "get-vcpus" => {
            (0..cores).map(|id| json!({ "logical-id": id, "online": true, "can-offline": id > 0 })).collect()
        }
        "get-memory-block-info" => json!({ "size": 134_217_728 }),
        "get-fsinfo" => filesystems(guest),
        "network-get-interfaces" => interfaces(guest),
        _ => json!([]),
    }
}

fn os(guest: &Guest) -> Value {
    let release = guest.world.text("/etc/os-release").unwrap_or_default();
    let field = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    json!({
        "id": field("ID"), "name": field("NAME"), "pretty-name": field("PRETTY_NAME"),
        "version": field("VERSION"), "version-id": field("VERSION_ID"), "machine": "x86_64",
        "kernel-release": "6.14.0-phoenix", "kernel-version": "#1 SMP PREEMPT_DYNAMIC",
    })
}

fn filesystems(guest: &Guest) -> Value {
    let volumes = guest.volumes.iter().filter(|(volid, _)| !volid.contains("-cloudinit"));
    let rows = volumes.take(1).map(|(_, volume)| {
        json!({ "name": "sda1", "mountpoint": "/", "type": "ext4", "total-bytes": volume.size,
            "used-bytes": volume.used, "disk": [] })
    });
    rows.collect()
}

fn interfaces(guest: &Guest) -> Value {
    let mut rows = vec![json!({
        "name": "lo", "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [
            { "ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8 },
            { "ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128 },
        ],
    })];
    for (key, value) in &guest.config {
        let ("net", Some(index)) = config::split_index(key) else { continue };
        let wanted = guest.get(&format!("ipconfig{index}")).unwrap_or_default();
        let address = |key: &str, family: &str| {
            let (ip, prefix) = config::property(wanted, key)?.split_once('/')?;
            let prefix: u8 = prefix.parse().ok()?;
            Some(json!({ "ip-address": ip, "ip-address-type": family, "prefix": prefix }))
        };
        let addresses: Vec<Value> =
            [address("ip", "ipv4"), address("ip6", "ipv6")].into_iter().flatten().collect();
        rows.push(json!({
            "name": format!("eth{index}"),
            "hardware-address": config::address_of(guest.kind, value).unwrap_or_default().to_lowercase(),
            "ip-addresses": addresses,
        }));
    }
    rows.into()
}
