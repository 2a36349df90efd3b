//! Changing options: what is set at once, what waits for the next start, and what happens to disks.

mod disk;
mod live;

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    api::reply::Refusal,
    state::{
        State,
        config::{self, is_disk, normal},
        guest::Guest,
    },
};

/// What shall be different about a guest's options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    /// New values.
    pub(crate) set: BTreeMap<String, String>,
    /// Options to be removed.
    pub(crate) delete: Vec<String>,
    /// Options whose waiting values are forgotten.
    pub(crate) revert: Vec<String>,
}

/// Changes a guest's options. What was checked by the API is not checked again.
pub(crate) fn apply(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    change: &Change,
    log: &mut Vec<String>,
) -> Result<(), Refusal> {
    let gone = || Refusal::failed(format!("guest {vmid} is gone"));
    for key in &change.revert {
        state.guest_mut(kind, vmid).ok_or_else(gone)?.pending.remove(key);
    }
    for key in &change.delete {
        remove(state.guest_mut(kind, vmid).ok_or_else(gone)?, key);
    }
    let mut missing_bridge = None;
    let mut unplugged = BTreeMap::new();
    for (key, value) in &change.set {
        if is_disk(kind, key) {
            disk::set(state, kind, vmid, key, value, log).map_err(Refusal::failed)?;
            continue;
        }
        let value = normal(kind, key, value);
        let missing = missing_bridge_of(state, key, &value);
        let guest = state.guest_mut(kind, vmid).ok_or_else(gone)?;
        match (missing, guest.running, kind) {
            (None, ..) | (Some(_), false, GuestKind::Vm) => put(guest, key, value),
            // PVE stores it and only then finds out.
            (Some(text), false, GuestKind::Lxc) => {
                put(guest, key, value);
                missing_bridge = Some(text);
            }
            (Some(text), true, GuestKind::Lxc) => {
                unplugged.insert(key.clone(), format!("unable to hotplug {key}: {text}\n"));
            }
            (Some(text), true, GuestKind::Vm) => {
                guest.pending.insert(key.clone(), Some(value));
                unplugged.insert(key.clone(), format!("hotplug problem - {text}\n"));
            }
        }
    }
    if let Some(guest) = state.guest_mut(kind, vmid).filter(|guest| guest.running && kind == GuestKind::Lxc) {
        crate::work::show_mounts(guest);
    }
    match missing_bridge {
        _ if !unplugged.is_empty() => Err(Refusal::Params(unplugged)),
        Some(text) => Err(Refusal::failed(text)),
        None => Ok(()),
    }
}

/// Brings about what waited for the guest not to run.
pub(crate) fn settle(guest: &mut Guest) {
    for (key, value) in std::mem::take(&mut guest.pending) {
        match value {
            Some(value) => {
                if is_disk(guest.kind, &key) {
                    disk::make_way(guest, &key, &value);
                }
                guest.config.insert(key, value);
            }
            None if is_disk(guest.kind, &key) => disk::detach(guest, &key),
            None => drop(guest.config.remove(&key)),
        }
    }
}

/// Returns why a net cannot be plugged in.
pub(crate) fn missing_bridge_of(state: &State, key: &str, value: &str) -> Option<String> {
    let ("net", Some(_)) = config::split_index(key) else { return None };
    let bridge = config::property(value, "bridge")?;
    (!state.bridges.contains(bridge)).then(|| format!("bridge '{bridge}' does not exist"))
}

fn put(guest: &mut Guest, key: &str, value: String) {
    if value.is_empty() && key == "description" {
        guest.config.remove(key);
    } else if guest.running && !live::is_live(guest.kind, key) {
        wait(guest, key, Some(value));
    } else {
        guest.pending.remove(key);
        guest.config.insert(key.to_owned(), value);
    }
}

fn remove(guest: &mut Guest, key: &str) {
    if !guest.config.contains_key(key) {
        guest.pending.remove(key);
    } else if key.starts_with("unused") {
        let volid = config::volume_of(&guest.config[key]).to_owned();
        guest.discard(&volid);
        guest.config.remove(key);
    } else if guest.running && !live::is_live(guest.kind, key) {
        wait(guest, key, None);
    } else if is_disk(guest.kind, key) {
        guest.pending.remove(key);
        disk::detach(guest, key);
    } else {
        guest.pending.remove(key);
        guest.config.remove(key);
    }
}

/// Lets a value wait for the next start.
fn wait(guest: &mut Guest, key: &str, value: Option<String>) {
    if value.is_some() && guest.get(key) == value.as_deref() {
        guest.pending.remove(key);
    } else {
        guest.pending.insert(key.to_owned(), value);
    }
}
