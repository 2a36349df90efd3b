//! The manager itself.

use phoenix_core::{
    Diagnostics, Facts, Lifecycle, Manager, ObjectKind, Probe, ResourceId, manager::Planned,
    object::record_probe,
};

use super::{
    Observed, StorageSpec,
    observed::{FIXED, identity, is_ours, is_recorded},
};
use crate::object::{Owner, Wish, plan};

/// Plans storages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storages;

impl Manager for Storages {
    type Spec = StorageSpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&StorageSpec>, _: &Facts) -> Vec<Probe> {
        let kind = ObjectKind::Storage;
        let record = want.map(|want| record_probe(&want.node, &kind, &want.name));
        [kind.probe()].into_iter().chain(record).collect()
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Observed::read(id.name(), facts))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&StorageSpec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        // A storage is only removed where it is not declared, by the inventory.
        let Some(want) = want else { return Ok(Planned::default()) };
        let is_there = match found {
            Some(found) => is_ours(&want.node, &want.name, &found.values, facts),
            None => is_recorded(&want.node, &want.name, &want.values, facts),
        };
        let wish = Wish {
            id: id.clone(),
            kind: ObjectKind::Storage,
            name: &want.name,
            values: want.values.clone(),
            fixed: &FIXED,
            secrets: want.secrets.clone(),
            is_adopted: want.adopt,
            owner: Owner::Record { node: want.node.clone(), lines: identity(&want.values), is_there },
        };
        plan(wish, found.map(|found| &found.values))
    }

    fn lifecycle(&self, _: Option<&StorageSpec>, found: Option<&Observed>) -> Lifecycle {
        if found.is_some() { Lifecycle::Healthy } else { Lifecycle::Absent }
    }
}
