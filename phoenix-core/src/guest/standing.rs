//! Standing: whether Phoenix may work on a guest, and from where it starts.

use super::observed::Observed;
use crate::{
    diagnostic::Diagnostic,
    facts::Facts,
    id::{GuestId, GuestKind},
};

/// From where the work on a guest starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    Absent,
    /// A task makes it now.
    Making,
    /// It is there, and Phoenix's.
    Here,
}

/// Returns from where the work on a guest starts; an error if it is none of Phoenix's business.
pub fn of(guest: GuestId, found: Option<&Observed>, facts: &Facts) -> Result<Standing, Diagnostic> {
    let Some(found) = found else {
        return match facts.row(guest.vmid) {
            Some(other) if other.guest != guest => Err(Diagnostic::error(
                "vmid-taken",
                format!("the vmid {} belongs to a {} already", guest.vmid, other.guest.kind.noun()),
            )
            .with_hint(format!("give `{guest}` another vmid, or remove `{}`", other.guest))),
            Some(_) | None => Ok(Standing::Absent),
        };
    };
    let is_blank = found.marker.is_none() && found.text.is_empty();
    if found.is_being_made() && (found.is_owned() || is_blank) {
        if found.row.task.is_none() {
            return Err(stale_lock(guest, found));
        }
        return Ok(Standing::Making);
    }
    if !found.is_owned() {
        let whose = match &found.marker {
            Some(marker) => format!(": it is a copy of `{}`", GuestId { vmid: marker.vmid, ..guest }),
            None => String::new(),
        };
        return Err(Diagnostic::error(
            "foreign-guest",
            format!("`{guest}` is there and was not made by Phoenix{whose}"),
        )
        .with_hint("give the guest of the configuration another vmid, or remove the one on the host"));
    }
    Ok(Standing::Here)
}

/// Returns the error for a guest that is locked although nothing works on it.
pub fn stale_lock(guest: GuestId, found: &Observed) -> Diagnostic {
    let lock = found.row.lock.as_deref().unwrap_or("");
    let (tool, vmid) = (unlock_tool(guest.kind), guest.vmid);
    let then = if found.is_being_made() {
        format!("`{tool} unlock {vmid}` and `{tool} destroy {vmid}` on the node remove the half-made guest")
    } else {
        format!("`{tool} unlock {vmid}` on the node takes the lock away")
    };
    Diagnostic::error("stale-lock", format!("`{guest}` is locked (`{lock}`), and no task works on it"))
        .with_hint(then)
}

fn unlock_tool(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "pct",
        GuestKind::Vm => "qm",
    }
}
