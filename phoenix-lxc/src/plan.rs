//! The manager of containers. What it shares with that of virtual machines is planned in `phoenix_core::guest`.

use phoenix_core::{
    Diagnostics, Facts, GuestKind, Lifecycle, Manager, Power, Probe, ResourceId, Step, guest::plan,
    manager::Planned,
};

use crate::{Observed, Spec};

/// Plans containers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lxc;

impl Manager for Lxc {
    type Spec = Spec;
    type Observed = Observed;

    fn probes(&self, id: &ResourceId, want: Option<&Spec>, known: &Facts) -> Vec<Probe> {
        plan::probes(id, want, known)
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        match id.guest().filter(|guest| guest.kind == GuestKind::Lxc) {
            Some(guest) => Observed::read(guest, facts),
            None => Ok(None),
        }
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&Spec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        plan::plan(id, want, found, facts)
    }

    fn lifecycle(&self, want: Option<&Spec>, found: Option<&Observed>) -> Lifecycle {
        plan::lifecycle(want, found)
    }

    fn power(
        &self,
        id: &ResourceId,
        want: &Spec,
        found: Option<&Observed>,
        goal: Power,
    ) -> Result<Vec<Step>, Diagnostics> {
        plan::power(id, &want.guest, found, goal)
    }
}
