//! Snapshots of a guest's life: `pre-configured` before its features, `final-form` and the one that the user names at
//! the end. Their descriptions name the layer, so one of an older layer is known.

use super::{
    GuestSpec,
    life::Life,
    observed::Observed,
    seal::{Record, Sealing},
};
use crate::{
    action::Action,
    id::GuestId,
    layer::LayerId,
    plan::{Change, Phase, Step},
};

/// The snapshot before the features.
pub const BEFORE: &str = "pre-configured";
/// The snapshot at the end.
pub const FINAL: &str = "final-form";

/// Returns the names of the snapshots that are taken at the end, in their order.
pub fn finals(spec: &GuestSpec) -> Vec<&str> {
    let mut names = Vec::new();
    if spec.lifecycle_snapshots {
        names.push(FINAL);
    }
    names.extend(spec.final_snapshot.as_deref().filter(|name| *name != FINAL));
    names
}

/// Tells whether a guest's snapshots must be looked at. They need not be as long as it stands on the last of them.
pub fn must_be_known(spec: &GuestSpec, found: &Observed, record: &Record) -> bool {
    let Some(last) = finals(spec).last().copied() else { return false };
    record.sealing != Sealing::Done || found.config.values.get("parent").map(|name| name.trim()) != Some(last)
}

/// Returns the step that takes a snapshot.
pub fn take(guest: GuestId, name: &str, phase: Phase, layer: &LayerId, reason: &str) -> Step {
    let description = format!("Phoenix: {reason}; layer {layer}");
    let action = Action::Snapshot { guest, name: name.to_owned(), description };
    Step::new(&guest.resource(), "guest", &format!("snapshot-{name}"), phase, action, reason)
        .with_changes([Change::new("snapshot", None, Some(name.to_owned()))])
}

/// Adds the steps that take the last snapshots, where they are missing or of another layer.
pub(super) fn at_the_end(life: &Life<'_>, steps: &mut Vec<Step>) {
    let is_known = life.found.is_none_or(|found| must_be_known(life.spec, found, life.record));
    if !is_known {
        return;
    }
    let layer = life.record.layer();
    for name in finals(life.spec) {
        let rows = life.found.and_then(|found| found.snapshots.as_deref()).unwrap_or_default();
        if let Some(old) = rows.iter().find(|row| row.name == name) {
            if old.description.split_whitespace().last() == Some(&layer.0) {
                continue;
            }
            let action = Action::DeleteSnapshot { guest: life.guest, name: name.to_owned() };
            let verb = format!("delete-snapshot-{name}");
            let reason = "it shows an older state of the guest";
            steps.push(
                Step::new(&life.guest.resource(), "guest", &verb, Phase::Seal, action, reason)
                    .with_changes([Change::new("snapshot", Some(name.to_owned()), None)]),
            );
        }
        steps.push(take(life.guest, name, Phase::Seal, &layer, "the complete guest is kept"));
    }
}
