//! Migration: a guest is worked on where it is found. The node of its spec is a wish, held against the cluster here;
//! whether it is brought there is for the request to say.

use super::{GuestSpec, observed::Observed};
use crate::{
    action::Action,
    diagnostic::Diagnostic,
    evidence::{Evidence, NodeRow},
    facts::Facts,
    id::GuestId,
    manager::Planned,
    plan::{Change, Phase, Step},
    probe::Probe,
};

/// Returns what must be known of the cluster before a guest is made on a node or brought there.
pub fn probe(guest: GuestId, want: &GuestSpec, known: &Facts) -> Option<Probe> {
    let wish = want.node.as_ref()?;
    let is_there = known.row(guest.vmid).is_some_and(|row| row.node == *wish);
    (!is_there).then_some(Probe::Nodes)
}

/// Tells whether the node that a guest is wanted on is known to answer.
pub fn can_ask(want: &GuestSpec, known: &Facts) -> bool {
    want.node.as_ref().is_none_or(|wish| known.knows(&Probe::Nodes) && obstacle(wish, known).is_none())
}

/// Says why a guest cannot be made on the node that it is wanted on.
pub fn check_node(guest: GuestId, want: &GuestSpec, facts: &Facts) -> Result<(), Diagnostic> {
    match want.node.as_ref().and_then(|wish| obstacle(wish, facts)) {
        Some((message, hint)) => {
            Err(Diagnostic::error("node-unavailable", format!("`{guest}` cannot be made: {message}"))
                .with_hint(hint))
        }
        None => Ok(()),
    }
}

/// Adds what brings a guest to the node that it is wanted on, or why nothing does.
pub fn plan(want: &GuestSpec, found: &Observed, facts: &Facts, planned: &mut Planned) {
    let (guest, here) = (found.row.guest, &found.row.node);
    let Some(wish) = want.node.as_ref().filter(|wish| *wish != here) else { return };
    if let Some((message, hint)) = obstacle(wish, facts) {
        let message = format!("`{guest}` stays on `{here}`: {message}");
        planned.notes.push(Diagnostic::warning("node-unavailable", message).with_hint(hint));
        return;
    }
    // What holds it now may be moving it already.
    if found.row.lock.is_some() || found.row.task.is_some() {
        return;
    }
    let action = Action::Migrate { guest, target: wish.clone() };
    let reason = format!("is on `{here}` and wanted on `{wish}`");
    planned.migration = Some(
        Step::new(&guest.resource(), "guest", "migrate", Phase::Create, action, reason)
            .with_changes([Change::new("node", Some(here.clone()), Some(wish.clone()))]),
    );
}

/// Returns why nothing can be put on a node, and what to do.
fn obstacle(wish: &str, facts: &Facts) -> Option<(String, String)> {
    let Some(Evidence::Nodes { rows }) = facts.get(&Probe::Nodes) else { return None };
    match rows.iter().find(|row| row.name == wish) {
        Some(NodeRow { online: true, .. }) => None,
        Some(_) => Some((
            format!("its node `{wish}` is not online"),
            "start the node, or name another one in the configuration".to_owned(),
        )),
        None => {
            let names: Vec<_> = rows.iter().map(|row| format!("`{}`", row.name)).collect();
            Some((
                format!("its node `{wish}` is not in the cluster"),
                format!("name one of {} in the configuration", names.join(", ")),
            ))
        }
    }
}
