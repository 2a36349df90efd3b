//! Guests that Phoenix made and that nobody declares any more: told of, never touched.

use super::Resolved;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    evidence::{Evidence, GuestRow},
    facts::Facts,
    guest::TAG,
    id::GuestKind,
    probe::Probe,
};

/// Returns a note for each guest that carries Phoenix's tag and is not declared.
pub(crate) fn notes(resolved: &Resolved, facts: &Facts) -> Diagnostics {
    let Some(Evidence::Guests { rows }) = facts.get(&Probe::Guests) else { return Diagnostics::new() };
    let is_undeclared =
        |row: &&GuestRow| row.tags.contains(TAG) && resolved.get(&row.guest.resource()).is_none();
    rows.values().filter(is_undeclared).map(note).collect()
}

fn note(row: &GuestRow) -> Diagnostic {
    let tool = match row.guest.kind {
        GuestKind::Lxc => "pct",
        GuestKind::Vm => "qm",
    };
    let name = row.name.as_ref().map_or_else(String::new, |name| format!(" (`{name}`)"));
    Diagnostic::note(
        "undeclared-guest",
        format!("`{}`{name} carries Phoenix's tag and is not in the configuration", row.guest),
    )
    .with_hint(format!(
        "declare it again, or remove it on its node with `{tool} destroy {}`; Phoenix leaves it alone",
        row.guest.vmid
    ))
}
