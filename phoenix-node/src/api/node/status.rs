//! The call on the state of a node: its load, memory, processor and versions.

use serde_json::json;

use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::now,
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("GET /nodes/{node}/status", Handler::Plain(status))];

const RELEASE: &str = "6.14.0-phoenix";
const BUILT: &str = "#1 SMP PREEMPT_DYNAMIC";

fn status(call: &mut Call<'_>) -> Reply {
    let state = &*call.state;
    let used: u64 =
        state.guests.values().filter(|guest| guest.running).map(|guest| config_memory(guest) / 4).sum();
    let (memory, cores) = (state.memory, state.cores);
    let uptime = now().saturating_sub(state.booted).max(1);
    let disk = call.state.used("local");
    let total = call.state.storages.get("local").map_or(0, |storage| storage.total);
    let free = total.saturating_sub(disk);
    Ok(json!({
        "uptime": uptime,
        "pveversion": "pve-manager/9.2.11/phoenix-node",
        "kversion": format!("Linux {RELEASE} {BUILT}"),
        "current-kernel": { "sysname": "Linux", "release": RELEASE, "version": BUILT, "machine": "x86_64" },
        "boot-info": { "mode": "legacy-bios" },
        "cpu": 0,
        "wait": 0,
        "idle": 0,
        "loadavg": ["0.00", "0.00", "0.00"],
        "cpuinfo": { "cpus": cores, "cores": cores, "sockets": 1, "model": "simulated", "vendor": "Phoenix",
            "family": "6", "mhz": "2800.000", "user_hz": 100, "hvm": "", "flags": "fpu sse sse2 aes" },
        "memory": { "total": memory, "used": used, "free": memory.saturating_sub(used),
            "available": memory.saturating_sub(used) },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "rootfs": { "total": total, "used": disk, "free": free, "avail": free },
        "ksm": { "shared": 0 },
    })
    .into())
}
