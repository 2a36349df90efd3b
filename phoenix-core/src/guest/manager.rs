//! The manager of one kind of guest. Containers and virtual machines live the same life, so all that the crates of their
//! managers say is what a machine of their kind is.

use super::{Power, machine::Machine, observed::Observed, plan};
use crate::{
    diagnostic::Diagnostics,
    facts::Facts,
    id::ResourceId,
    lifecycle::Lifecycle,
    manager::{Manager, Planned},
    plan::Step,
    probe::Probe,
};

/// Plans one kind of guest; whoever is this is a [`Manager`].
pub trait GuestManager: Send + Sync + 'static {
    /// What the user wants of one.
    type Spec: Machine;
}

impl<G: GuestManager> Manager for G {
    type Spec = G::Spec;
    type Observed = Observed;

    fn probes(&self, id: &ResourceId, want: Option<&G::Spec>, known: &Facts) -> Vec<Probe> {
        plan::probes(id, want, known)
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        match id.guest().filter(|guest| guest.kind == G::Spec::GUEST) {
            Some(guest) => Observed::read(guest, facts),
            None => Ok(None),
        }
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&G::Spec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        plan::plan(id, want, found, facts)
    }

    fn lifecycle(&self, want: Option<&G::Spec>, found: Option<&Observed>) -> Lifecycle {
        plan::lifecycle(want, found)
    }

    fn power(
        &self,
        id: &ResourceId,
        want: &G::Spec,
        found: Option<&Observed>,
        goal: Power,
    ) -> Result<Vec<Step>, Diagnostics> {
        plan::power(id, want.guest(), found, goal)
    }
}
