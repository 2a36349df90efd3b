//! Specs for tests.

use phoenix_core::Resource;
use phoenix_lxc::Spec;
use serde_json::{Value, json};

use crate::world::stamp;

/// Returns a container from an OS template, with changes to the common part of its spec.
pub(crate) fn template_based(vmid: u32, changes: Value) -> Spec {
    let origin = json!({ "from": "os-template", "storage": "local", "template": "ubuntu-24.04-standard" });
    spec(vmid, origin, changes)
}

/// Returns a clone.
pub(crate) fn clone_of(parent: &Spec, vmid: u32, changes: Value) -> Spec {
    let mode = if parent.guest.template { "linked" } else { "full" };
    let origin = json!({ "from": "clone", "source": parent.guest.vmid, "mode": mode });
    let mut spec = spec(vmid, origin, changes);
    stamp(&mut spec, Some(parent), Some(&parent.stamp), None);
    spec
}

/// Gives a spec features.
pub(crate) fn with_features(mut spec: Spec, features: &str) -> Spec {
    let parent = spec.stamp.parent_spec.take();
    let base = spec.stamp.base.take();
    let below = base.map(|layer| phoenix_core::Stamp { layer, ..Default::default() });
    stamp(&mut spec, None, below.as_ref(), Some(features));
    spec.stamp.parent_spec = parent;
    spec
}

fn spec(vmid: u32, origin: Value, changes: Value) -> Spec {
    let mut guest = json!({
        "vmid": vmid,
        "name": format!("ct{vmid}"),
        "origin": origin,
        "cores": 2,
        "memory_mib": 1024,
        "storage": "local",
        "disk_gib": 8,
        "networks": [{ "name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.5/24", "gateway": "10.0.0.1" }],
        "tags": ["Web"],
        "description": "a test",
        "nameservers": ["10.0.0.1"],
    });
    for (key, value) in changes.as_object().expect("changes are an object") {
        guest[key] = value.clone();
    }
    let mut spec: Spec = serde_json::from_value(json!({ "guest": guest })).expect("a spec");
    assert_eq!(spec.id().as_str(), format!("lxc/{vmid}"));
    stamp(&mut spec, None, None, None);
    spec
}
