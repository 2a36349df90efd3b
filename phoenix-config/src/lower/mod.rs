//! Lowering: decoded files become specs in the form that the managers decode, and the host.

mod artifact;
mod feature;
mod guest;
mod host;
mod labels;
mod lxc;
mod network;
mod origin;
mod plane;
mod setup;
mod stack;
mod vm;

use std::collections::BTreeSet;

use phoenix_core::{Declared, Desired, Diagnostics, ResourceId};

pub use artifact::read_artifacts;
pub(crate) use feature::{canonical as canonical_feature, known_features};
pub(crate) use host::{host, parse_quota, pool_bytes};

use crate::{
    host::Host,
    model::{Entry, Guest, HYPERVISOR_FILE, Index, Model},
    source::Sources,
};

/// What lowering a guest needs to know and where it reports.
pub(crate) struct Context<'a> {
    pub(crate) model: &'a Model,
    pub(crate) host: &'a Host,
    pub(crate) guests: &'a [Guest<'a>],
    pub(crate) index: Index,
    pub(crate) registered: &'a BTreeSet<String>,
    pub(crate) findings: &'a mut Diagnostics,
}

impl<'a> Context<'a> {
    fn guest(&self, vmid: u32) -> Option<&'a Guest<'a>> {
        self.index.find(self.guests, vmid)
    }
}

/// Returns the spec of every guest.
pub(crate) fn guests(
    model: &Model,
    (host, sources): (&Host, &Sources),
    registered: &BTreeSet<String>,
    findings: &mut Diagnostics,
) -> Desired {
    let all = model.guests();
    let mut desired = Desired { artifacts: artifact::artifacts(model, findings), ..Desired::default() };
    let mut context = Context { model, host, guests: &all, index: Index::new(&all), registered, findings };
    for guest in &all {
        let spec = match guest.entry {
            Entry::Lxc(lxc) => lxc::spec(&mut context, guest, lxc),
            Entry::Vm(vm) => vm::spec(&mut context, guest, vm),
        };
        let features = feature::uses(&mut context, guest);
        let Some(spec) = spec else { continue };
        let declared =
            Declared { spec, features, file: guest.spot.file.clone(), path: guest.spot.pointer.clone() };
        desired.resources.insert(guest.id.resource(), declared);
    }
    stack::derive(&mut context, sources, &mut desired);
    desired.network = Some(plane::network(&mut context));
    let (own, mut features) = setup::divide(feature::of_host(&mut context));
    setup::found(&mut context, &mut features);
    setup::derive(&mut context, own, &mut desired);
    if !features.is_empty() {
        let spec = serde_json::json!({ "node": host.node });
        let declared = Declared { spec, features, file: HYPERVISOR_FILE.into(), path: String::new() };
        desired.resources.insert(ResourceId::new("host", &host.node), declared);
    }
    desired
}
