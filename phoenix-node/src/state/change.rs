//! Changing options: what is set at once, what waits for the next start, and what happens to disks.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::state::{
    State,
    config::{self, is_disk, normal},
};

/// Changes a guest's options. What was checked by the API is not checked again.
pub(crate) fn apply(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    set: &BTreeMap<String, String>,
    delete: &[String],
    revert: &[String],
) -> Result<(), String> {
    for key in revert {
        if let Some(guest) = state.guest_mut(kind, vmid) {
            guest.pending.remove(key);
        }
    }
    for key in delete {
        remove(state, kind, vmid, key)?;
    }
    let mut missing_bridge = None;
    for (key, value) in set {
        let value = if is_disk(kind, key) {
            let is_known = state
                .guest(kind, vmid)
                .and_then(|guest| guest.get(key))
                .is_some_and(|present| config::volume_of(present) == config::volume_of(value));
            if is_known {
                keep_size(state, kind, vmid, key, value)
            } else {
                let made = crate::work::make_disk(state, vmid, key, value)?;
                detach(state, kind, vmid, key);
                made
            }
        } else {
            normal(kind, key, value)
        };
        // PVE stores a net with a missing bridge and only then fails.
        if let ("net", Some(_)) = config::split_index(key)
            && let Some(bridge) = config::property(&value, "bridge")
            && kind == GuestKind::Lxc
            && !state.bridges.contains(bridge)
        {
            missing_bridge = Some(format!("bridge '{bridge}' does not exist"));
        }
        let Some(guest) = state.guest_mut(kind, vmid) else { return Err(format!("guest {vmid} is gone")) };
        if value.is_empty() && key == "description" {
            guest.config.remove(key);
        } else if guest.running && !applies_live(kind, key) {
            if guest.get(key) == Some(&*value) {
                guest.pending.remove(key);
            } else {
                guest.pending.insert(key.clone(), Some(value));
            }
        } else {
            guest.pending.remove(key);
            guest.config.insert(key.clone(), value);
        }
    }
    if let Some(guest) = state.guest_mut(kind, vmid).filter(|guest| guest.running && kind == GuestKind::Lxc) {
        crate::work::show_mounts(guest);
    }
    missing_bridge.map_or(Ok(()), Err)
}

fn remove(state: &mut State, kind: GuestKind, vmid: u32, key: &str) -> Result<(), String> {
    let Some(guest) = state.guest_mut(kind, vmid) else { return Err(format!("guest {vmid} is gone")) };
    if !guest.config.contains_key(key) {
        guest.pending.remove(key);
        return Ok(());
    }
    if key.starts_with("unused") {
        let volid = config::volume_of(&guest.config[key]).to_owned();
        guest.volumes.remove(&volid);
        guest.config.remove(key);
    } else if is_disk(kind, key) {
        detach(state, kind, vmid, key);
    } else if guest.running && !applies_live(kind, key) {
        guest.pending.insert(key.to_owned(), None);
    } else {
        guest.pending.remove(key);
        guest.config.remove(key);
    }
    Ok(())
}

/// Takes a disk out of the configuration; a volume of the guest's own stays as `unusedN`.
fn detach(state: &mut State, kind: GuestKind, vmid: u32, key: &str) {
    let Some(guest) = state.guest_mut(kind, vmid) else { return };
    let Some(value) = guest.config.remove(key) else { return };
    let volid = config::volume_of(&value).to_owned();
    if volid.contains("-cloudinit") {
        guest.volumes.remove(&volid);
    } else if volid.contains(':') && (guest.volumes.contains_key(&volid) || kind == GuestKind::Lxc) {
        let name = (0..).map(|index| format!("unused{index}")).find(|name| !guest.config.contains_key(name));
        guest.config.insert(name.unwrap_or_default(), volid);
    }
}

/// Returns a disk's new property string with the size of its volume.
fn keep_size(state: &State, kind: GuestKind, vmid: u32, key: &str, value: &str) -> String {
    let size = state
        .guest(kind, vmid)
        .and_then(|guest| guest.volumes.get(config::volume_of(value)))
        .map(|volume| super::volume::size_text(volume.size));
    let size = size.filter(|_| !value.contains("media=cdrom") && !key.starts_with("unused"));
    config::with_volume(value, config::volume_of(value), size.as_deref())
}

/// Tells whether an option of a running guest changes at once.
fn applies_live(kind: GuestKind, key: &str) -> bool {
    let (stem, _) = config::split_index(key);
    match key {
        "description" | "tags" | "onboot" | "startup" | "protection" | "lock" | "hookscript" | "template" => {
            true
        }
        "memory" | "swap" | "cores" | "cpulimit" | "cpuunits" | "hostname" | "nameserver"
        | "searchdomain" => kind == GuestKind::Lxc,
        "name" | "boot" | "agent" | "cicustom" | "ciuser" | "cipassword" | "sshkeys" => kind == GuestKind::Vm,
        _ => matches!(stem, "net" | "unused" | "ipconfig") || is_disk(kind, key),
    }
}
