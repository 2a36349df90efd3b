//! Recovery: what a process that died left half done is undone where no task will go on with it.

use phoenix_core::GuestKind;

use crate::state::State;

/// Locks that only tasks write, and how far a task must have come to be the one that wrote it.
const OF_TASKS: &[(&str, bool)] = &[
    ("create", false),
    ("clone", false),
    ("disk", false),
    ("backup", true),
    ("snapshot", true),
    ("snapshot-delete", true),
    ("rollback", true),
];

/// Undoes reservations and locks that no running task explains.
pub(crate) fn recover(state: &mut State) {
    let mut orphans = Vec::new();
    for guest in state.guests.values() {
        let Some(lock) = guest.lock() else { continue };
        let Some((word, must_have_begun)) = OF_TASKS.iter().find(|(word, _)| *word == lock) else { continue };
        let is_explained = state.active.values().any(|task| {
            (task.ends_ms.is_some() || !must_have_begun)
                && task.work.as_ref().is_some_and(|work| work.guests().contains(&guest.vmid))
        });
        if !is_explained {
            orphans.push((guest.kind, guest.vmid, *word));
        }
    }
    for (kind, vmid, word) in orphans {
        match word {
            "create" | "clone" => drop_reserved(state, kind, vmid),
            _ => unlock(state, vmid, &[word]),
        }
    }
}

/// Removes a guest that is still only reserved.
pub(crate) fn drop_reserved(state: &mut State, kind: GuestKind, vmid: u32) {
    let is_reserved = state
        .guest(kind, vmid)
        .and_then(|guest| guest.lock())
        .is_some_and(|lock| matches!(lock, "create" | "clone"));
    if is_reserved {
        state.remove_guest(vmid);
    }
}

/// Takes one of these locks off a guest.
pub(crate) fn unlock(state: &mut State, vmid: u32, locks: &[&str]) {
    let Some(kind) =
        state.guests.get(&vmid).filter(|g| g.lock().is_some_and(|l| locks.contains(&l))).map(|g| g.kind)
    else {
        return;
    };
    if let Some(guest) = state.guest_mut(kind, vmid) {
        guest.config.remove("lock");
    }
}
