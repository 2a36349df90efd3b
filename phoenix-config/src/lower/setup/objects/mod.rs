//! What Proxmox VE keeps by its API: storages, users, their rights, network interfaces.

mod access;
mod interface;
mod storage;

use std::collections::BTreeSet;

use phoenix_core::{Declared, Desired, Diagnostic, ResourceId, SecretRef};
use serde_json::{Value, json};

use crate::{
    lower::Context,
    model::{HYPERVISOR_FILE, Spot},
    secret::Secret,
};

/// Resources while they are brought together.
pub(super) struct Objects<'a, 'c> {
    context: &'a mut Context<'c>,
    desired: &'a mut Desired,
    node: String,
    /// What storages wait for: the host's own part, which has their pools and directories, if there is one. The others do
    /// without, so that a reboot that waits does not hold them.
    ground: BTreeSet<ResourceId>,
}

/// Adds the resources that follow.
pub(super) fn add(context: &mut Context<'_>, desired: &mut Desired) {
    let node = context.host.node.clone();
    let setup = ResourceId::new("host", &format!("{node}/setup"));
    let ground = desired.resources.contains_key(&setup).then_some(setup).into_iter().collect();
    let mut objects = Objects { context, desired, node, ground };
    interface::add(&mut objects);
    let storages = storage::add(&mut objects);
    let mut inventory = access::add(&mut objects);
    let dependencies: BTreeSet<ResourceId> = [ResourceId::new("acl", "cluster")].into();
    inventory["node"] = json!(objects.node);
    inventory["storages"] = json!(storages);
    inventory["dependencies"] = json!(dependencies);
    let id = ResourceId::new("inventory", &objects.node);
    objects.declare(id, inventory, String::new());
}

impl Objects<'_, '_> {
    /// Declares a resource.
    fn declare(&mut self, id: ResourceId, spec: Value, pointer: String) {
        let declared = Declared { spec, features: Vec::new(), file: HYPERVISOR_FILE.into(), path: pointer };
        self.desired.resources.insert(id, declared);
    }

    /// Says that something is wrong at a place.
    fn fault(&mut self, pointer: &str, message: String, hint: &str) {
        let finding = Diagnostic::error("bad-object", message).with_hint(hint);
        self.context.findings.push(Spot::new(HYPERVISOR_FILE, pointer).put(finding));
    }
}

/// Returns a reference to a secret, if there is one. A secret in clear is told of elsewhere.
fn reference(text: Option<&String>) -> Option<SecretRef> {
    match Secret::read(text?) {
        Secret::Reference(reference) => Some(reference),
        Secret::Unset | Secret::Plain => None,
    }
}

/// Returns a switch in PVE's words.
fn flag(is_on: bool) -> String {
    u8::from(is_on).to_string()
}
