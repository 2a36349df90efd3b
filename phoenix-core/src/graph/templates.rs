//! The hierarchy of templates: OS templates and images, the guests made from them, and the clones of those.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Stroke, label};
use crate::{
    guest::{CloneMode, GuestSpec, Origin},
    id::{GuestId, GuestKind, ResourceId},
};

const BASES: usize = 0;
const TEMPLATES: usize = 1;
const CONTAINERS: usize = 2;
const MACHINES: usize = 3;

/// Returns the picture of these guests.
pub(super) fn draw(guests: &BTreeMap<ResourceId, GuestSpec>) -> Graph {
    let mut graph = Graph::new(
        "Template hierarchy",
        &["Base Templates", "Feature-Specific Templates", "Provisioned Containers", "Virtual Machines"],
    );
    let guests: BTreeMap<GuestId, &GuestSpec> =
        guests.iter().filter_map(|(id, spec)| Some((id.guest()?, spec))).collect();
    let bases: BTreeMap<String, Base> =
        guests.values().filter_map(|spec| base(&spec.origin)).map(|base| (base.id.clone(), base)).collect();
    for base in bases.values() {
        let twins = bases.values().filter(|other| other.short == base.short).count();
        let text = if twins > 1 { &base.full } else { &base.short };
        graph.node(base.id.clone(), text.clone(), Some(base.group));
    }
    for (id, spec) in &guests {
        let group = match id.kind {
            GuestKind::Lxc if spec.template => TEMPLATES,
            GuestKind::Lxc => CONTAINERS,
            GuestKind::Vm => MACHINES,
        };
        graph.node(id.to_string(), label(spec), Some(group));
    }
    let undeclared: BTreeSet<GuestId> = guests
        .iter()
        .filter_map(|(id, spec)| source(*id, &spec.origin))
        .filter(|source| !guests.contains_key(source))
        .collect();
    for id in undeclared {
        graph.node(id.to_string(), format!("{}: not declared", id.vmid), None);
    }
    for (id, spec) in &guests {
        match &spec.origin {
            Origin::OsTemplate { .. } | Origin::CloudImage { .. } => {
                let base = base(&spec.origin).map(|base| base.id).unwrap_or_default();
                graph.edge(base, id.to_string(), "Creates", Stroke::Solid);
            }
            Origin::Clone { source, mode, .. } => {
                let source = GuestId { kind: id.kind, vmid: *source };
                let stroke = match mode {
                    CloneMode::Full => Stroke::Solid,
                    CloneMode::Linked => Stroke::Dashed,
                };
                graph.edge(source.to_string(), id.to_string(), "Cloned to create", stroke);
            }
        }
    }
    graph.without_empty_groups()
}

/// Something that a guest is made from and that is no guest.
struct Base {
    id: String,
    short: String,
    full: String,
    group: usize,
}

fn base(origin: &Origin) -> Option<Base> {
    match origin {
        Origin::OsTemplate { template, .. } => Some(Base {
            id: format!("template/{template}"),
            // What follows the first `_` is a version and an architecture.
            short: template.split('_').next().unwrap_or(template).to_owned(),
            full: template.clone(),
            group: BASES,
        }),
        Origin::CloudImage { filename, .. } => Some(Base {
            id: format!("image/{filename}"),
            short: filename.clone(),
            full: filename.clone(),
            group: MACHINES,
        }),
        Origin::Clone { .. } => None,
    }
}

fn source(id: GuestId, origin: &Origin) -> Option<GuestId> {
    match origin {
        Origin::Clone { source, .. } => Some(GuestId { kind: id.kind, vmid: *source }),
        Origin::OsTemplate { .. } | Origin::CloudImage { .. } => None,
    }
}
