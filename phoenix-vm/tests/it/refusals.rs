//! What virtual machines cannot have.

use phoenix_core::{Claim, Resource};
use serde_json::json;

use crate::{
    specs::image_based,
    world::{World, code},
};

#[test]
fn claims_of_the_hosts_things_are_refused() {
    let mut spec = image_based(9000, json!({}), json!({}));
    let before = spec.clone();
    for claim in [
        Claim::Device { path: "/dev/fuse".into(), mode: None },
        Claim::Mount { source: "/srv".into(), target: "/srv".into(), read_only: true },
        Claim::RawKey { key: "lxc.mount.auto".into(), value: "sys".into() },
        Claim::Memory { mib: 4096 },
        Claim::Disk { gib: 21 },
    ] {
        let refused = spec.accept(&claim, "gpu").unwrap_err();
        assert!(refused.message.starts_with("`gpu` needs") && refused.hint.is_some(), "{refused}");
    }
    assert_eq!(spec, before);
}

#[test]
fn claims_that_it_meets_are_taken_in() {
    let mut spec = image_based(9000, json!({}), json!({}));
    for claim in [
        Claim::Nesting,
        Claim::Keyctl,
        Claim::Memory { mib: 2048 },
        Claim::Disk { gib: 20 },
        Claim::Pci { device: "gpu".into() },
        Claim::Pci { device: "gpu".into() },
    ] {
        spec.accept(&claim, "gpu").unwrap();
    }
    assert_eq!(spec.pci, ["gpu"]);
    assert_eq!(spec.claimed.keys().collect::<Vec<_>>(), ["disk 20 GiB", "memory 2048 MiB", "pci gpu"]);
}

#[test]
fn a_container_template_makes_no_virtual_machine() {
    let origin = json!({ "origin": { "from": "os-template", "storage": "local", "template": "ubuntu" } });
    assert_eq!(code(World::new().plan(&phoenix_vm::Vm, &image_based(9000, origin, json!({})))), "origin");
}
