//! What is desired: a template, and linked clones of it with an address each.

use phoenix_core::ResourceId;
use phoenix_tests::lab::{Lab, TEMPLATES, cloned, container, template};
use serde_json::{Value, json};

/// The image of all of them.
pub(super) const IMAGE: &str = "debian-12-standard";
const TEMPLATE: u32 = 900;
const FIRST: u32 = 1001;

/// Returns a lab of the template and so many clones.
pub(super) fn lab(size: u32) -> Lab {
    let lab = Lab::new().with("lxc", template(spec(TEMPLATE)), Vec::new());
    numbers(size).fold(lab, |lab, vmid| {
        let mut clone = cloned(spec(vmid), TEMPLATE, "linked");
        let ip = format!("10.86.1.{}/16", vmid - FIRST + 1);
        clone["guest"]["networks"] =
            json!([{"name": "eth0", "bridge": "vmbr0", "ip": ip, "gateway": "10.86.0.1"}]);
        lab.with("lxc", clone, Vec::new())
    })
}

/// Returns the numbers of the clones.
pub(super) fn numbers(size: u32) -> std::ops::Range<u32> {
    FIRST..FIRST + size
}

/// Returns the clones.
pub(super) fn clones(size: u32) -> impl Iterator<Item = ResourceId> {
    numbers(size).map(|vmid| ResourceId::new("lxc", &vmid.to_string()))
}

fn spec(vmid: u32) -> Value {
    let mut spec = container(vmid);
    spec["guest"]["origin"] = json!({"from": "os-template", "storage": TEMPLATES, "template": IMAGE});
    spec["guest"]["memory_mib"] = json!(256);
    // All that the machine has, as the script gives it.
    spec["guest"]["cores"] = json!(std::thread::available_parallelism().map_or(1, usize::from));
    spec
}
