//! The call that clones a guest.

use phoenix_core::GuestKind;

use crate::{
    api::{
        Call, options, pools,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{config, guest::Guest},
    work::{Work, local_disks, refuse_linked, reservation},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("POST /nodes/{node}/{kind}/{vmid}/clone", Handler::Guest(start))];

fn start(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let target = call.args.vmid("newid");
    pools::join(call, target, |call| copy(call, kind, vmid))
}

fn copy(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let target = args.vmid("newid");
    let node = call.node();
    let place = args.get("target").unwrap_or(&node).to_owned();
    if !call.state.all_nodes().contains(&place) {
        return Err(Refusal::failed(format!("no such cluster node '{place}'")));
    }
    if let Some(storage) = args.get("storage").filter(|storage| !call.state.storages.contains_key(*storage)) {
        return Err(Refusal::failed(format!("storage '{storage}' does not exist")));
    }
    if kind == GuestKind::Vm && call.state.guest(kind, vmid).is_none() {
        return Err(Refusal::failed(format!(
            "unable to find configuration file for VM {vmid} on node '{node}'"
        )));
    }
    if let Some(pool) = args.get("pool") {
        call.need_pool(pool)?;
    }
    check_rights(call, kind, vmid, args.get("storage"))?;
    let guest = call.free_guest(kind, vmid)?;
    let snapshot = args.get("snapname").map(str::to_owned);
    if let Some(name) = snapshot.as_deref().filter(|name| !guest.snapshots.contains_key(*name)) {
        return Err(Refusal::failed(format!("snapshot '{name}' does not exist")));
    }
    let full = match args.get("full") {
        Some(text) => text == "1",
        None => !guest.is_template(),
    };
    if !full && args.get("storage").is_some() && kind == GuestKind::Vm {
        return Err(Refusal::failed("parameter 'storage' not allowed for linked clones"));
    }
    check_source(guest, full, snapshot.is_some())?;
    if !full && let Some(text) = refuse_linked(call.state, guest, snapshot.is_some()) {
        return Err(Refusal::failed(text));
    }
    if place != node && !local_disks(call.state, guest).is_empty() {
        let noun = if kind == GuestKind::Lxc { "container" } else { "VM" };
        let text = format!("can't clone {noun} to node '{place}' ({noun} uses local storage)");
        return Err(Refusal::failed(text));
    }
    let present = call.state.guests.get(&target);
    let node = present.map_or(node, |present| call.state.node_of(present).to_owned());
    match (kind, present.map(|guest| guest.kind)) {
        (_, None) | (GuestKind::Vm, Some(GuestKind::Lxc)) => {}
        (GuestKind::Vm, Some(GuestKind::Vm)) => {
            return Err(Refusal::failed(format!("unable to create VM {target}: config file already exists")));
        }
        (GuestKind::Lxc, Some(found)) => {
            let noun = if found == GuestKind::Lxc { "CT" } else { "VM" };
            return Err(Refusal::failed(format!("{noun} {target} already exists on node '{node}'")));
        }
    }
    // A container's source is locked from the call on; a machine's is shared by all its clones.
    if kind == GuestKind::Lxc
        && let Some(source) = call.state.guest_mut(kind, vmid)
    {
        source.config.insert("lock".to_owned(), "disk".to_owned());
    }
    if !call.state.guests.contains_key(&target) {
        call.state.put_guest(Guest { node: place, ..Guest::reserved(kind, target, reservation(kind)) });
    }
    let work = Work::Clone {
        kind,
        source: vmid,
        target,
        name: args.get("hostname").or(args.get("name")).map(str::to_owned),
        description: args.get("description").map(str::to_owned),
        full,
        storage: args.get("storage").map(str::to_owned),
        format: args.get("format").map(str::to_owned),
        snapshot,
        config: std::collections::BTreeMap::new(),
    };
    call.task(work)
}

/// A clone needs room where its disks come to lie, and the bridges of its source.
fn check_rights(call: &Call<'_>, kind: GuestKind, vmid: u32, storage: Option<&str>) -> Result<(), Refusal> {
    let Some(guest) = call.state.guest(kind, vmid).filter(|_| !call.caller.is_root()) else { return Ok(()) };
    let disks = guest.disks();
    let own = disks.iter().filter_map(|(_, volid)| Some(volid.split_once(':')?.0));
    let storages: Vec<&str> = storage.map_or_else(|| own.collect(), |storage| vec![storage]);
    for storage in storages {
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let nets = guest.config.iter().filter(|(key, _)| matches!(config::split_index(key), ("net", Some(_))));
    nets.map(|(_, net)| net).try_for_each(|net| options::check_bridge(call, net))
}

fn check_source(guest: &Guest, full: bool, from_snapshot: bool) -> Result<(), Refusal> {
    if guest.kind == GuestKind::Vm {
        return Ok(());
    }
    if guest.running && !from_snapshot {
        let word = if full { "Full" } else { "Linked" };
        return Err(Refusal::failed(format!(
            "{word} clone of a running container is only possible from a snapshot"
        )));
    }
    for (key, value) in guest.config.iter().filter(|(key, _)| key.starts_with("mp")) {
        let volume = config::volume_of(value);
        if volume.starts_with("/dev/") {
            return Err(Refusal::failed(format!("unable to clone mountpoint '{key}' (type device)")));
        }
        if volume.starts_with('/') {
            return Err(Refusal::failed(format!("unable to clone mountpoint '{key}' (type bind)")));
        }
    }
    Ok(())
}
