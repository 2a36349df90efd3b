//! Disks among the options: made, attached, detached, changed.

use phoenix_core::GuestKind;

use super::{live, wait};
use crate::state::{
    State,
    config::{self, disk_form},
    guest::Guest,
    volume::size_text,
};

/// Sets a disk: makes what must be made, and keeps what it takes the place of as unused.
pub(super) fn set(
    state: &mut State,
    kind: GuestKind,
    vmid: u32,
    key: &str,
    value: &str,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let gone = || format!("guest {vmid} is gone");
    let guest = state.guest(kind, vmid).ok_or_else(gone)?;
    let volume = config::volume_of(value);
    let present = guest.get(key).filter(|present| config::volume_of(present) == volume).map(str::to_owned);
    let running = guest.running;
    let Some(present) = present else {
        let value = crate::work::make_disk(state, vmid, key, value, log)?;
        let guest = state.guest_mut(kind, vmid).ok_or_else(gone)?;
        // A disk that is added is plugged in; one that is exchanged, or on such a bus, waits.
        let is_plugged = match kind {
            GuestKind::Lxc => !guest.config.contains_key(key),
            GuestKind::Vm => live::is_live(kind, key) || value.contains("media=cdrom"),
        };
        if running && !is_plugged {
            wait(guest, key, Some(value));
        } else {
            make_way(guest, key, &value);
            guest.config.insert(key.to_owned(), value);
        }
        return Ok(());
    };
    let value = match (kind, key) {
        // PVE writes the root disk down as it came.
        (GuestKind::Lxc, "rootfs") => value.to_owned(),
        (GuestKind::Lxc, _) => disk_form(kind, key, value),
        (GuestKind::Vm, _) => with_size(guest, key, &disk_form(kind, key, value)),
    };
    let guest = state.guest_mut(kind, vmid).ok_or_else(gone)?;
    let is_live = kind == GuestKind::Vm && live::is_live_difference(&present, &value);
    if running && !is_live {
        wait(guest, key, Some(value));
    } else {
        guest.pending.remove(key);
        guest.config.insert(key.to_owned(), value);
    }
    Ok(())
}

/// Takes a disk out of the configuration before another takes its place.
pub(super) fn make_way(guest: &mut Guest, key: &str, value: &str) {
    let volume = config::volume_of(value);
    if guest.get(key).is_some_and(|present| config::volume_of(present) != volume) {
        detach(guest, key);
    }
    // What was unused is in use now.
    let unused =
        guest.config.iter().find(|(name, held)| name.starts_with("unused") && held.as_str() == volume);
    if let Some(name) = unused.map(|(name, _)| name.clone()) {
        guest.config.remove(&name);
    }
}

/// Takes a disk out of the configuration; a volume of the guest's own stays as `unusedN`.
pub(super) fn detach(guest: &mut Guest, key: &str) {
    let Some(value) = guest.config.remove(key) else { return };
    let volid = config::volume_of(&value).to_owned();
    if volid.contains("-cloudinit") {
        guest.volumes.remove(&volid);
    } else if volid.contains(':') && (guest.volumes.contains_key(&volid) || guest.kind == GuestKind::Lxc) {
        let name = (0..).map(|index| format!("unused{index}")).find(|name| !guest.config.contains_key(name));
        guest.config.insert(name.unwrap_or_default(), volid);
    }
}

/// Returns a drive's property string with the size of its volume.
fn with_size(guest: &Guest, key: &str, value: &str) -> String {
    let volid = config::volume_of(value);
    let size = guest.volumes.get(volid).map(|volume| size_text(volume.size));
    let size = size.filter(|_| !value.contains("media=cdrom") && !key.starts_with("unused"));
    config::with_volume(value, volid, size.as_deref())
}
