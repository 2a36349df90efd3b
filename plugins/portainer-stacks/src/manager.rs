//! The manager of stacks: they are all that their feature says, so it has no steps of its own.

use phoenix_core::{
    Diagnostics, Facts, Lifecycle, Manager, Probe, ResourceId,
    manager::{Planned, Provision},
};

use crate::spec::StacksSpec;

/// Plans the stacks of Portainer servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stacks;

impl Manager for Stacks {
    type Spec = StacksSpec;
    type Observed = ();

    fn probes(&self, _: &ResourceId, _: Option<&StacksSpec>, _: &Facts) -> Vec<Probe> {
        Vec::new()
    }

    fn observe(&self, _: &ResourceId, _: &Facts) -> Result<Option<()>, Diagnostics> {
        Ok(Some(()))
    }

    fn plan(
        &self,
        _: &ResourceId,
        want: Option<&StacksSpec>,
        _: Option<&()>,
        _: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let provision = want.map_or(Provision::Sealed, |_| Provision::Observed);
        Ok(Planned { provision, ..Planned::default() })
    }

    fn lifecycle(&self, _: Option<&StacksSpec>, _: Option<&()>) -> Lifecycle {
        Lifecycle::Healthy
    }
}
