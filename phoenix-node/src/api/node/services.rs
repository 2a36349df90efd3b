//! The calls on a node's services.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    work::{HostJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/services", Handler::Plain(list)),
    ("GET /nodes/{node}/services/{service}/state", Handler::Plain(state)),
    ("POST /nodes/{node}/services/{service}/start", Handler::Plain(start)),
    ("POST /nodes/{node}/services/{service}/stop", Handler::Plain(stop)),
    ("POST /nodes/{node}/services/{service}/restart", Handler::Plain(restart)),
    ("POST /nodes/{node}/services/{service}/reload", Handler::Plain(reload)),
];

/// Services, whether each is there, and what it is.
const SERVICES: &[(&str, bool, &str)] = &[
    ("chrony", false, "chrony.service"),
    ("corosync", false, "corosync.service"),
    ("cron", true, "Regular background program processing daemon"),
    ("ksmtuned", false, "ksmtuned.service"),
    ("lxcfs", true, "FUSE filesystem for LXC"),
    ("postfix", false, "postfix.service"),
    ("proxmox-firewall", true, "Proxmox nftables firewall"),
    ("pve-cluster", true, "The Proxmox VE cluster filesystem"),
    ("pve-firewall", true, "Proxmox VE firewall"),
    ("pve-ha-crm", true, "PVE Cluster HA Resource Manager Daemon"),
    ("pve-ha-lrm", true, "PVE Local HA Resource Manager Daemon"),
    ("pve-lxc-syscalld", true, "Proxmox VE LXC Syscall Daemon"),
    ("pvedaemon", true, "PVE API Daemon"),
    ("pvefw-logger", true, "Proxmox VE firewall logger"),
    ("pveproxy", true, "PVE API Proxy Server"),
    ("pvescheduler", true, "Proxmox VE scheduler"),
    ("pvestatd", true, "PVE Status Daemon"),
    ("qmeventd", true, "PVE Qemu Event Daemon"),
    ("spiceproxy", true, "PVE SPICE Proxy Server"),
    ("sshd", true, "OpenBSD Secure Shell server"),
    ("syslog", false, "syslog.service"),
    ("systemd-journald", true, "Journal Service"),
    ("systemd-timesyncd", true, "Network Time Synchronization"),
];

fn row(call: &Call<'_>, (name, is_there, description): (&str, bool, &str)) -> Value {
    let is_stopped = call.state.host_of(&call.node()).stopped.contains(name);
    let runs = is_there && !is_stopped;
    json!({
        "name": name,
        "service": name,
        "desc": description,
        "state": if runs { "running" } else { "dead" },
        "active-state": if runs { "active" } else { "inactive" },
        "unit-state": if is_there { "enabled" } else { "not-found" },
    })
}

fn list(call: &mut Call<'_>) -> Reply {
    Ok(SERVICES.iter().map(|service| row(call, *service)).collect::<Value>().into())
}

fn state(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("service").to_owned();
    let found = SERVICES.iter().find(|(known, ..)| *known == name).copied();
    Ok(row(call, found.unwrap_or((&name, false, ""))).into())
}

fn start(call: &mut Call<'_>) -> Reply {
    act(call, "start")
}

fn stop(call: &mut Call<'_>) -> Reply {
    act(call, "stop")
}

fn restart(call: &mut Call<'_>) -> Reply {
    act(call, "restart")
}

fn reload(call: &mut Call<'_>) -> Reply {
    act(call, "reload")
}

fn act(call: &mut Call<'_>, verb: &str) -> Reply {
    let (node, service) = (call.node(), call.args.text("service").to_owned());
    call.task(Work::Host(HostJob::Service { node, service, verb: verb.to_owned() }))
}
