//! Cloning: a full copy, or volumes linked to those of the source.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    durations,
    state::{
        State,
        config::{self, generate_mac, uuid},
        guest::{Guest, disks_of},
        volume::{Plugin, size_text},
    },
    work::{
        Refused, Room, Work, drive,
        room::{Wanted, add_volume},
    },
};

/// What a linked clone takes at first.
const LINKED: u64 = 8 << 20;

pub(crate) fn begin(work: &mut Work, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
    let Work::Clone { kind, source, target, name, description, full, storage, format, snapshot, config } =
        work
    else {
        return Ok(0);
    };
    let (kind, source, target, full) = (*kind, *source, *target, *full);
    if let Some(other) = state.guests.get(&target).filter(|guest| guest.kind != kind) {
        let folder = match kind {
            GuestKind::Lxc => "lxc",
            GuestKind::Vm => "qemu-server",
        };
        room.log.push(format!("creating a clone of VM {source} with ID {target}"));
        return Err(Refused::Failed(format!(
            "close (rename) atomic file '/etc/pve/nodes/{}/{folder}/{}.conf' failed: File exists",
            state.name, other.vmid
        )));
    }
    let from = room.guest(state, kind, source, false)?;
    let mut values = match snapshot.as_deref() {
        Some(name) => match from.snapshots.get(name) {
            Some(snapshot) => snapshot.config.clone(),
            None => return Err(Refused::Failed(format!("snapshot '{name}' does not exist"))),
        },
        None => from.config.clone(),
    };
    let volumes = from.volumes.clone();
    for key in ["lock", "parent", "template", "digest", "snaptime", "vmstate"] {
        values.remove(key);
    }
    values.retain(|key, _| !key.starts_with("unused"));
    let node = state.guests.get(&target).map(|guest| guest.node.clone()).unwrap_or_default();
    state.put_guest(Guest { node, ..Guest::reserved(kind, target, reservation(kind)) });
    let noun = if kind == GuestKind::Lxc { "container" } else { "VM" };
    room.log.push(format!("creating a clone of {noun} {source} with ID {target}"));
    let mut wait = 0;
    for (key, volid) in disks_of(&values, kind) {
        let value = values[&key].clone();
        let Some(volume) = volumes.get(&volid) else { continue };
        let is_drive = volid.contains("-cloudinit");
        let pool = storage.as_deref().filter(|_| full).unwrap_or(&volume.storage).to_owned();
        let linked = !full && !is_drive;
        let hold = if linked { durations::ALLOCATE_LINKED } else { durations::ALLOCATE };
        room.log.push(match (kind, linked) {
            (GuestKind::Vm, true) => format!("create linked clone of drive {key} ({volid})"),
            (GuestKind::Vm, false) => format!("create full clone of drive {key} ({volid})"),
            (GuestKind::Lxc, true) => format!("create linked clone of mount point {key} ({volid})"),
            (GuestKind::Lxc, false) => format!("create full clone of mountpoint {key} ({volid})"),
        });
        let wanted = Wanted {
            storage: &pool,
            size: volume.size,
            used: if linked { LINKED.min(volume.size) } else { volume.used },
            format: Some(format.as_deref().unwrap_or(&volume.format)),
            parent: linked.then_some(volid.as_str()),
            stem: is_drive.then(|| format!("vm-{target}-cloudinit")),
        };
        let made = add_volume(state, target, &wanted, &mut room.log)?;
        wait = wait.max(room.allocation_lock(state, &pool, hold)?);
        if kind == GuestKind::Vm {
            room.log.push(match linked {
                true => linked_line(&volid, &made, target),
                false => format!("allocated target volume '{made}'"),
            });
        }
        let size = match volume.format.as_str() {
            "subvol" if volume.size == 0 => "0T".to_owned(),
            _ => size_text(volume.size),
        };
        let size = Some(size);
        values.insert(key, config::with_volume(&value, &made, size.as_deref()));
    }
    personalize(kind, &mut values, name.as_deref(), description.as_deref());
    *config = values;
    state.freeze(source);
    let world = match (state.guest(kind, source), snapshot.as_deref()) {
        (Some(from), Some(name)) => from.snapshots.get(name).map(|snapshot| snapshot.world.clone()),
        (Some(from), None) => Some(from.world.clone()),
        (None, _) => None,
    };
    let (raw, as_container) =
        state.guest(kind, source).map(|from| (from.raw.clone(), from.as_container)).unwrap_or_default();
    if let Some(guest) = state.guest_mut(kind, target) {
        guest.as_container = as_container;
        guest.world = world.unwrap_or_default();
        guest.raw = raw;
    }
    Ok(wait + if full { durations::CLONE_FULL } else { durations::CLONE_LINKED })
}

pub(crate) fn finish(work: &Work, state: &mut State) -> Result<(), String> {
    let Work::Clone { kind, source, target, config, .. } = work else { return Ok(()) };
    if let Some(guest) =
        state.guest_mut(*kind, *target).filter(|guest| guest.lock() == Some(reservation(*kind)))
    {
        guest.config.clone_from(config);
    }
    if let Some(firewall) = state.firewall.guests.get(source).cloned() {
        state.firewall.guests.insert(*target, firewall);
    }
    super::recover::unlock(state, *source, &["disk"]);
    Ok(())
}

/// Returns the lock of a clone that is being made.
pub(crate) fn reservation(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "create",
        GuestKind::Vm => "clone",
    }
}

/// Returns what PVE says of a linked volume.
fn linked_line(base: &str, made: &str, target: u32) -> String {
    let name = base.split_once(':').map_or(base, |(_, name)| name);
    let own = made.rsplit(['/', ':']).next().unwrap_or(made);
    format!("clone {name}: images, {own}, {target} to {own} (base={})", drive::beside(base))
}

fn personalize(
    kind: GuestKind,
    values: &mut BTreeMap<String, String>,
    name: Option<&str>,
    description: Option<&str>,
) {
    for (key, value) in values.iter_mut() {
        if matches!(config::split_index(key), ("net", Some(_))) {
            *value = config::with_address(kind, value, &generate_mac());
        }
    }
    if let Some(text) = description {
        if text.is_empty() {
            values.remove("description");
        } else {
            values.insert("description".to_owned(), config::normal(kind, "description", text));
        }
    }
    match kind {
        GuestKind::Lxc => {
            if let Some(name) = name {
                values.insert("hostname".to_owned(), name.to_owned());
            }
        }
        GuestKind::Vm => {
            let copy = || format!("Copy-of-VM-{}", values.get("name").map_or("unnamed", String::as_str));
            let name = name.map_or_else(copy, str::to_owned);
            values.insert("name".to_owned(), name);
            values.insert("smbios1".to_owned(), format!("uuid={}", uuid()));
            values.insert("vmgenid".to_owned(), uuid());
        }
    }
}

/// Returns why a disk cannot be linked to, if it cannot.
pub(crate) fn refuse_linked(state: &State, guest: &Guest, from_snapshot: bool) -> Option<String> {
    guest.disks().into_iter().filter(|(key, _)| !key.starts_with("unused")).find_map(|(key, volid)| {
        let volume = guest.volumes.get(&volid)?;
        let plugin = state.storages.get(&volume.storage)?.kind();
        let is_possible = (guest.is_template() || (from_snapshot && plugin == Plugin::Btrfs))
            && plugin.can_snapshot(&volume.format);
        (!is_possible && !volid.contains("-cloudinit")).then(|| match guest.kind {
            GuestKind::Lxc => format!("Linked clone feature for '{volid}' is not available"),
            GuestKind::Vm => format!("Linked clone feature is not supported for '{volid}' ({key})"),
        })
    })
}
