//! Fetching ahead: the OS templates and images of guests that are not there yet, in a plan that is not about the guests.

use std::collections::BTreeSet;

use super::{
    Resolved,
    request::{Request, Stock},
};
use crate::{
    facts::Facts,
    guest::{GuestSpec, stock},
    id::ResourceId,
    plan::Step,
    probe::Probe,
};

/// Returns what must be known before it can be told what is to be fetched.
pub(crate) fn probes(
    resolved: &Resolved,
    request: &Request,
    scope: &BTreeSet<ResourceId>,
    known: &Facts,
) -> Vec<Probe> {
    guests(resolved, request, scope).flat_map(|spec| stock::probes(spec, known)).collect()
}

/// Returns the steps that fetch. What would go onto a storage that is neither there nor made by the same plan is left to the plan
/// for the guest, which tells of it.
pub(super) fn steps(
    resolved: &Resolved,
    request: &Request,
    scope: &BTreeSet<ResourceId>,
    facts: &Facts,
) -> Vec<Step> {
    let has_place = |spec: &&GuestSpec| {
        let (Some((storage, _)), Some(content)) = (stock::volume(&spec.origin), stock::content(&spec.origin))
        else {
            return false;
        };
        let row = facts.storage(spec.node.as_deref(), storage);
        row.is_some_and(|row| row.content.contains(content)) || scope.contains(&place(storage))
    };
    guests(resolved, request, scope)
        .filter(|spec| facts.row(spec.vmid).is_none())
        .filter(has_place)
        .filter_map(|spec| stock::step(spec, facts))
        .collect()
}

/// Returns the steps that fetch all that the guests of a configuration are made from, as on a host that has nothing of it.
pub fn stock(resolved: &Resolved) -> Vec<Step> {
    let guests = resolved.ids().filter_map(|id| resolved.get(id)?.spec.as_guest());
    guests.filter_map(|spec| stock::step(spec, &Facts::new())).collect()
}

/// Returns the resource that a storage is, if it is declared.
fn place(storage: &str) -> ResourceId {
    ResourceId::new("storage", storage)
}

/// Goes through the guests that the plan is not about and whose stock it is about.
fn guests<'a>(
    resolved: &'a Resolved,
    request: &Request,
    scope: &BTreeSet<ResourceId>,
) -> impl Iterator<Item = &'a GuestSpec> {
    let is_meant = request.stock == Stock::Ahead;
    resolved
        .ids()
        .filter(move |id| is_meant && !scope.contains(*id))
        .filter_map(|id| resolved.get(id)?.spec.as_guest())
}
