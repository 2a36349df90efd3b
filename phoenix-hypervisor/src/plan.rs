//! The manager itself: a node is there or nothing is, so only its features have anything to do.

use phoenix_core::{
    Diagnostics, Facts, Lifecycle, Manager, Probe, ResourceId,
    manager::{Planned, Provision},
};

use crate::{observed::Observed, spec::HostSpec};

/// Plans hosts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hypervisor;

impl Manager for Hypervisor {
    type Spec = HostSpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, _: Option<&HostSpec>, _: &Facts) -> Vec<Probe> {
        Vec::new()
    }

    fn observe(&self, _: &ResourceId, _: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Some(Observed))
    }

    fn plan(
        &self,
        _: &ResourceId,
        want: Option<&HostSpec>,
        _: Option<&Observed>,
        _: &Facts,
    ) -> Result<Planned, Diagnostics> {
        // A host is never removed: what is not wanted any more is the features' to take back.
        let provision = want.map_or(Provision::Sealed, |_| Provision::Observed);
        Ok(Planned { provision, ..Planned::default() })
    }

    fn lifecycle(&self, _: Option<&HostSpec>, _: Option<&Observed>) -> Lifecycle {
        Lifecycle::Healthy
    }
}
