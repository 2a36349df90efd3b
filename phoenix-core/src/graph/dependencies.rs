//! The requirements: which resource must be there before which other, and for which part of its life.

use std::collections::BTreeMap;

use super::{Graph, Stroke, label};
use crate::{
    guest::GuestSpec,
    id::{GuestKind, ResourceId},
    resource::{Requirement, Stage},
};

const CONTAINERS: usize = 0;
const MACHINES: usize = 1;
const OTHERS: usize = 2;

/// Returns the picture of these requirements.
pub(super) fn draw<'a>(
    requirements: impl Iterator<Item = (&'a ResourceId, &'a [Requirement])>,
    guests: &BTreeMap<ResourceId, GuestSpec>,
) -> Graph {
    let mut graph = Graph::new("Requirements", &["Containers", "Virtual Machines", "Other Resources"]);
    for (id, required) in requirements {
        let text = guests.get(id).map_or_else(|| id.to_string(), label);
        let group = match id.guest().map(|guest| guest.kind) {
            Some(GuestKind::Lxc) => CONTAINERS,
            Some(GuestKind::Vm) => MACHINES,
            None => OTHERS,
        };
        graph.node(id.as_str(), text, Some(group));
        let mut required: Vec<_> = required.iter().collect();
        required.sort();
        for Requirement { id: other, stage } in required {
            let (label, stroke) = match stage {
                Stage::Create => ("to create", Stroke::Solid),
                Stage::Start => ("to start", Stroke::Dashed),
            };
            graph.edge(other.as_str(), id.as_str(), label, stroke);
        }
    }
    graph.without_empty_groups()
}
