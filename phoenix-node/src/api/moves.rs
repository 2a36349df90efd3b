//! The calls that pause a guest, move its volumes, or move it to another node.

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        configure::check_digest,
        console::running,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
        schema::dict,
    },
    state::{config, guest::Guest},
    work::{Job, What, Work, local_disks},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/{kind}/{vmid}/status/suspend", Handler::Guest(suspend)),
    ("POST /nodes/{node}/{kind}/{vmid}/status/resume", Handler::Guest(resume)),
    ("POST /nodes/{node}/qemu/{vmid}/status/reset", Handler::Guest(reset)),
    ("POST /nodes/{node}/lxc/{vmid}/move_volume", Handler::Guest(move_volume)),
    ("POST /nodes/{node}/qemu/{vmid}/move_disk", Handler::Guest(move_volume)),
    ("GET /nodes/{node}/{kind}/{vmid}/migrate", Handler::Guest(conditions)),
    ("POST /nodes/{node}/{kind}/{vmid}/migrate", Handler::Guest(migrate)),
    ("POST /nodes/{node}/{kind}/{vmid}/remote_migrate", Handler::Guest(migrate_far)),
];

fn start(call: &mut Call<'_>, kind: GuestKind, vmid: u32, what: What) -> Reply {
    call.task(Work::Guest(Job { kind, vmid, what }))
}

fn suspend(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    running(call.guest(kind, vmid)?)?;
    let what = if call.args.flag("todisk") { What::Hibernate } else { What::Pause };
    start(call, kind, vmid, what)
}

fn resume(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    match kind {
        GuestKind::Lxc if guest.running => {
            return Err(Refusal::failed(format!("CT {vmid} already running")));
        }
        GuestKind::Vm if guest.lock() != Some("suspended") => running(guest)?,
        GuestKind::Lxc | GuestKind::Vm => {}
    }
    start(call, kind, vmid, What::Resume)
}

fn reset(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    running(call.guest(kind, vmid)?)?;
    start(call, kind, vmid, What::Reset)
}

fn move_volume(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let (key, other_key) = match kind {
        GuestKind::Lxc => ("volume", "target-volume"),
        GuestKind::Vm => ("disk", "target-disk"),
    };
    let disk = args.text(key).to_owned();
    let guest = call.free_guest(kind, vmid)?;
    check_digest(&args, guest)?;
    if kind == GuestKind::Lxc && guest.running {
        return Err(Refusal::failed("cannot move volumes of a running container"));
    }
    let Some(value) = guest.get(&disk) else {
        return Err(Refusal::failed(format!("disk '{disk}' does not exist")));
    };
    let volid = config::volume_of(value).to_owned();
    let Some(volume) = guest.volumes.get(&volid) else {
        return Err(Refusal::failed(format!("disk '{disk}' has no volume that could be moved")));
    };
    if let Some(storage) = args.get("storage") {
        let same =
            volume.storage == storage && args.get("format").is_none_or(|format| format == volume.format);
        if same && kind == GuestKind::Vm {
            return Err(Refusal::failed("you can't move to the same storage with same format"));
        }
        let node = call.node();
        let found = call.state.enabled_storage(storage, &node).map_err(Refusal::failed)?;
        let content = if kind == GuestKind::Lxc { "rootdir" } else { "images" };
        if !found.content.contains(content) {
            let text = format!("storage '{storage}' does not support content-type '{content}'");
            return Err(Refusal::failed(text));
        }
        let (storage, format) = (storage.to_owned(), args.get("format").map(str::to_owned));
        let what = What::Move { disk, storage, format, delete: args.flag("delete"), made: None };
        return start(call, kind, vmid, what);
    }
    if args.get("target-vmid").is_none() {
        let text = "either set storage or target-vmid";
        return Err(Refusal::Params([("storage", text), ("target-vmid", text)].map(pair).into()));
    }
    let target = args.vmid("target-vmid");
    let target_disk = args.get(other_key).unwrap_or(&disk).to_owned();
    if target == vmid {
        return Err(Refusal::failed("must not move disk to the same guest"));
    }
    if call.free_guest(kind, target)?.config.contains_key(&target_disk) {
        let text = format!("Target disk key '{target_disk}' is already in use for guest '{target}'");
        return Err(Refusal::failed(text));
    }
    start(call, kind, vmid, What::Reassign { disk, target, target_disk, made: None })
}

fn pair((key, text): (&str, &str)) -> (String, String) {
    (key.to_owned(), text.to_owned())
}

/// Tells where a guest can be moved, and what stands in the way.
fn conditions(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let here = call.node();
    let guest = call.guest(kind, vmid)?;
    let allowed: Vec<String> = call.state.all_nodes().into_iter().filter(|node| *node != here).collect();
    let data = match kind {
        GuestKind::Lxc => json!({
            "running": u8::from(guest.running), "allowed-nodes": allowed, "not-allowed-nodes": {},
        }),
        GuestKind::Vm => {
            let disks: Vec<Value> = local_disks(call.state, guest)
                .into_iter()
                .map(|(key, volid)| local_disk(guest, &key, &volid))
                .collect();
            json!({
                "running": u8::from(guest.running), "allowed_nodes": allowed, "not_allowed_nodes": {},
                "local_disks": disks, "local_resources": local_resources(guest), "mapped-resources": [],
                "mapped-resource-info": {}, "has-dbus-vmstate": 0,
            })
        }
    };
    Ok(data.into())
}

fn local_disk(guest: &Guest, key: &str, volid: &str) -> Value {
    let is_unused = key.starts_with("unused");
    json!({
        "volid": volid, "drivename": key, "size": guest.volumes.get(volid).map_or(0, |volume| volume.size),
        "cdrom": u8::from(guest.config[key].contains("media=cdrom")), "is_unused": u8::from(is_unused),
        "is_attached": u8::from(!is_unused), "replicate": 1, "shared": 0,
    })
}

/// Returns the options that tie a machine to its node.
fn local_resources(guest: &Guest) -> Vec<String> {
    let is_local = |(key, value): (&String, &String)| {
        let (stem, _) = config::split_index(key);
        match stem {
            "hostpci" | "usb" => !value.contains("mapping=") && value != "spice",
            "parallel" => true,
            "serial" => value != "socket",
            "ivshmem" => true,
            _ => false,
        }
        .then(|| key.clone())
    };
    guest.config.iter().filter_map(is_local).collect()
}

fn migrate(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let target = args.text("target").to_owned();
    if target == call.node() {
        return Err(Refusal::param("target", "target is local node."));
    }
    if !call.state.all_nodes().contains(&target) {
        return Err(Refusal::failed(format!("no such cluster node '{target}'")));
    }
    let guest = call.free_guest(kind, vmid)?;
    let (online, restart) = (args.flag("online"), args.flag("restart"));
    match kind {
        GuestKind::Lxc if guest.running && !online && !restart => {
            return Err(Refusal::failed("can't migrate running container without --online or --restart"));
        }
        GuestKind::Vm if guest.running => {
            if !online {
                return Err(Refusal::failed("can't migrate running VM without --online"));
            }
            if let Some(first) = local_resources(guest).first() {
                return Err(Refusal::failed(format!("can't migrate VM which uses local devices: {first}")));
            }
            if !local_disks(call.state, guest).is_empty() && !args.flag("with-local-disks") {
                let text = "can't live migrate attached local disks without with-local-disks option";
                return Err(Refusal::failed(text));
            }
        }
        GuestKind::Lxc | GuestKind::Vm => {}
    }
    let storage = args.get("target-storage").or(args.get("targetstorage"));
    if let Some(name) = storage.filter(|name| *name != "1" && !name.contains(':')) {
        call.state.enabled_storage(name, &target).map_err(Refusal::failed)?;
    }
    let storage = storage.map(|pairs| pairs.rsplit(':').next().unwrap_or(pairs).to_owned());
    start(call, kind, vmid, What::Migrate { target, online, restart, storage })
}

/// Refuses to move a guest to another cluster: the simulated node reaches none.
fn migrate_far(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let remote = dict::parts("proxmox-remote", call.args.text("target-endpoint"));
    call.free_guest(kind, vmid)?;
    let host = remote.get("host").map(String::as_str).unwrap_or_default();
    let port = remote.get("port").map_or("8006", String::as_str);
    Err(Refusal::failed(format!("500 Can't connect to {host}:{port} (Network is unreachable)")))
}
