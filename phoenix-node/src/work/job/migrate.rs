//! Moving a guest to another node of the cluster: its configuration, its local volumes, and whether it runs there.

use phoenix_core::GuestKind;

use crate::{
    durations,
    state::{State, guest::Guest},
    work::{Refused, Room, power},
};

/// Returns the volumes of a guest that only its own node sees: the key and the volid of each.
pub(crate) fn local_disks(state: &State, guest: &Guest) -> Vec<(String, String)> {
    let is_local = |volid: &str| {
        let storage = volid.split_once(':').and_then(|(name, _)| state.storages.get(name));
        !storage.is_some_and(|storage| storage.is_shared())
    };
    guest.disks().into_iter().filter(|(_, volid)| is_local(volid)).collect()
}

pub(super) fn begin(
    state: &mut State,
    room: &mut Room<'_>,
    (kind, vmid): (GuestKind, u32),
    target: &str,
    online: bool,
    storage: Option<&str>,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, true)?;
    if kind == GuestKind::Lxc && guest.running && online {
        return Err(Refused::Failed("lxc live migration is currently not implemented".to_owned()));
    }
    let disks = local_disks(state, guest);
    room.log.push(format!("starting migration of {} {vmid} to node '{target}' (127.0.0.1)", noun(kind)));
    let mut time = durations::MIGRATE;
    for (key, volid) in &disks {
        if !key.starts_with("unused") {
            room.log.push(format!("found local volume '{volid}' (in current VM config)"));
        }
        let name = volid.split_once(':').map_or("", |(name, _)| name);
        let name = storage.filter(|wanted| *wanted != "1").unwrap_or(name);
        if let Err(text) = state.enabled_storage(name, target) {
            return Err(Refused::Failed(format!("migration aborted: {text}")));
        }
        time += durations::CLONE_FULL;
    }
    if let Some(guest) = state.guest_mut(kind, vmid) {
        guest.config.insert("lock".to_owned(), "migrate".to_owned());
    }
    Ok(time)
}

pub(super) fn finish(
    state: &mut State,
    (kind, vmid): (GuestKind, u32),
    target: &str,
    stays_up: bool,
    storage: Option<&str>,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let gone = || format!("{} {vmid} is gone", noun(kind));
    let guest = state.guest(kind, vmid).ok_or_else(gone)?;
    let was_running = guest.running;
    let moved = local_disks(state, guest);
    let wanted = storage.filter(|wanted| *wanted != "1").map(str::to_owned);
    let guest = state.guest_mut(kind, vmid).ok_or_else(gone)?;
    guest.config.remove("lock");
    guest.node = target.to_owned();
    for (key, volid) in moved {
        log.push(format!("successfully transferred volume '{volid}'"));
        let (Some(pool), Some(mut volume)) = (wanted.clone(), guest.volumes.remove(&volid)) else { continue };
        let name = volid.split_once(':').map_or("", |(_, name)| name);
        let made = format!("{pool}:{name}");
        volume.storage = pool;
        let value = guest.config[&key].replace(&volid, &made);
        guest.config.insert(key, value);
        guest.volumes.insert(made, volume);
    }
    if kind == GuestKind::Lxc && was_running {
        log.push(format!("shutdown CT {vmid}"));
        power::halt(guest);
        if stays_up {
            log.push("start container on target node".to_owned());
            power::start(state, kind, vmid)?;
        }
    }
    log.push(match kind {
        GuestKind::Lxc => "migration finished successfully".to_owned(),
        GuestKind::Vm => "migration finished successfully (duration 00:00:01)".to_owned(),
    });
    Ok(())
}

fn noun(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    }
}
