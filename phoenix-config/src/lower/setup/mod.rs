//! Setup: what the host's file says of the hypervisor itself becomes features of the host's part `setup`, and resources of
//! its own where Proxmox VE keeps something by its API.

mod disks;
mod exports;
mod objects;
mod software;

use phoenix_core::{Declared, Desired, FeatureUse, ResourceId};
use serde_json::{Map, Value, json};

use super::Context;
use crate::model::HYPERVISOR_FILE;

/// The features that make a machine a host; all others that the host's file lists live in the ground that guests stand on.
pub(super) const FEATURES: [&str; 8] = [
    "apparmor-profiles",
    "base-setup",
    "host-base",
    "nvidia-driver",
    "phoenix-program",
    "samba",
    "vfio",
    "zfs",
];

/// Features while they are brought together, in the order in which they were named first.
pub(super) struct Uses<'a, 'c> {
    pub(super) context: &'a mut Context<'c>,
    uses: Vec<FeatureUse>,
}

impl Uses<'_, '_> {
    /// Returns the configuration of a feature, which the host has from now on; what the user wrote stands in it already. None
    /// if the program has no such feature. The pointer tells where in the host's file it follows from.
    pub(super) fn feature(&mut self, name: &str, pointer: &str) -> Option<&mut Map<String, Value>> {
        if !self.context.registered.contains(name) {
            return None;
        }
        let at = self.uses.iter().position(|one| one.name == name).unwrap_or_else(|| {
            self.uses.push(FeatureUse { name: name.to_owned(), config: json!({}), path: pointer.to_owned() });
            self.uses.len() - 1
        });
        self.uses.get_mut(at)?.config.as_object_mut()
    }
}

/// Divides the features that the host's file lists: the host's own, and those of the ground.
pub(super) fn divide(uses: Vec<FeatureUse>) -> (Vec<FeatureUse>, Vec<FeatureUse>) {
    uses.into_iter().partition(|one| FEATURES.contains(&one.name.as_str()))
}

/// Adds what the host's file says of the ground beside its list of features.
pub(super) fn found(context: &mut Context<'_>, ground: &mut Vec<FeatureUse>) {
    exports::add(context, ground);
}

/// Adds the host's own part, and what Proxmox VE keeps by its API.
pub(super) fn derive(context: &mut Context<'_>, own: Vec<FeatureUse>, desired: &mut Desired) {
    let mut uses = Uses { context, uses: own };
    software::add(&mut uses);
    disks::add(&mut uses);
    let Uses { uses: features, context } = uses;
    if !features.is_empty() {
        let node = &context.host.node;
        let spec = json!({ "node": node, "part": "setup" });
        let declared = Declared { spec, features, file: HYPERVISOR_FILE.into(), path: String::new() };
        desired.resources.insert(ResourceId::new("host", &format!("{node}/setup")), declared);
    }
    objects::add(context, desired);
}
