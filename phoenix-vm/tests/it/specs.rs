//! Specs for tests.

use phoenix_vm::Spec;
use serde_json::{Value, json};

use crate::world::stamp;

/// Returns a virtual machine from a cloud image, with changes to its spec.
pub(crate) fn image_based(vmid: u32, guest: Value, changes: Value) -> Spec {
    let origin = json!({
        "from": "cloud-image",
        "storage": "local",
        "url": "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img",
        "filename": "noble.qcow2",
    });
    let mut spec = spec(vmid, origin, guest, changes);
    stamp(&mut spec, None, None, None);
    spec
}

/// Returns a clone.
pub(crate) fn clone_of(parent: &Spec, vmid: u32, guest: Value, changes: Value) -> Spec {
    let mode = if parent.guest.template { "linked" } else { "full" };
    let origin = json!({ "from": "clone", "source": parent.guest.vmid, "mode": mode });
    let mut spec = spec(vmid, origin, guest, changes);
    stamp(&mut spec, Some(parent), Some(&parent.stamp), None);
    spec
}

fn spec(vmid: u32, origin: Value, changes: Value, own: Value) -> Spec {
    let mut guest = json!({
        "vmid": vmid,
        "name": format!("vm{vmid}"),
        "origin": origin,
        "cores": 2,
        "memory_mib": 2048,
        "storage": "local",
        "disk_gib": 20,
        "networks": [{ "bridge": "vmbr0", "ip": "10.0.0.111/24", "gateway": "10.0.0.1" }],
        "nameservers": ["10.0.0.1"],
    });
    for (key, value) in changes.as_object().expect("changes are an object") {
        guest[key] = value.clone();
    }
    let mut spec = own;
    spec["guest"] = guest;
    serde_json::from_value(spec).expect("a spec")
}
