//! Claims of features.

use phoenix_core::{Claim, GuestId, Requirement, Resource, Stage};
use phoenix_lxc::MountSource;
use serde_json::json;

use crate::specs::{clone_of, template_based};

#[test]
fn claims_are_taken_in_and_remembered() {
    let mut spec = template_based(950, json!({}));
    let claims = [
        Claim::Nesting,
        Claim::Keyctl,
        Claim::Device { path: "/dev/nvidia0".into(), mode: Some(0o666) },
        Claim::Device { path: "/dev/nvidia0".into(), mode: None },
        Claim::Memory { mib: 512 },
        Claim::Disk { gib: 8 },
        Claim::Mount { source: "/models".into(), target: "/models".into(), read_only: true },
        Claim::RawKey { key: "lxc.cgroup2.devices.allow".into(), value: "c 195:* rwm".into() },
    ];
    for claim in &claims {
        spec.accept(claim, "gpu").unwrap();
        spec.accept(claim, "docker").unwrap();
    }
    assert_eq!(spec.features.keys().collect::<Vec<_>>(), ["keyctl", "nesting"]);
    assert_eq!(spec.devices["/dev/nvidia0"].mode, Some(0o666));
    assert_eq!(spec.mounts.len(), 1);
    assert_eq!(spec.mounts[0].source, MountSource::Bind { path: "/models".into() });
    assert_eq!(spec.raw.len(), 1);
    assert!(spec.claimed.values().all(|by| by == "gpu"));
    assert_eq!(spec.claimed.len(), 7);
}

#[test]
fn claims_do_not_change_what_the_user_wrote() {
    let mut spec = template_based(950, json!({}));
    spec.features.insert("nesting".into(), "0".into());
    spec.accept(&Claim::Device { path: "/dev/kvm".into(), mode: Some(0o600) }, "kvm").unwrap();
    spec.accept(&Claim::Mount { source: "/a".into(), target: "/x".into(), read_only: true }, "one").unwrap();
    let before = spec.clone();
    for (claim, message) in [
        (Claim::Memory { mib: 2048 }, "`vllm` needs at least 2048 MiB of memory, and `lxc/950` has 1024 MiB"),
        (Claim::Disk { gib: 9 }, "`vllm` needs a root disk of at least 9 GiB, and `lxc/950` has 8 GiB"),
        (Claim::Nesting, "`vllm` needs the container feature `nesting=1`, and `lxc/950` has nesting=0"),
        (
            Claim::Pci { device: "0000:01:00.0".into() },
            "`vllm` needs the PCI device `0000:01:00.0`, which the container `lxc/950` cannot have",
        ),
        (
            Claim::Device { path: "/dev/kvm".into(), mode: Some(0o666) },
            "`vllm` needs the device `/dev/kvm` with mode 0666, and `lxc/950` has 0600",
        ),
        (
            Claim::Mount { source: "/a".into(), target: "/x/".into(), read_only: false },
            "`vllm` needs `/a` of the host mounted at `/x/`, and `lxc/950` has `/a`, read-only",
        ),
    ] {
        let refused = spec.accept(&claim, "vllm").unwrap_err();
        assert_eq!(refused.message, message);
        assert!(refused.hint.is_some());
    }
    assert_eq!(spec, before);
}

#[test]
fn a_clone_requires_its_source_and_its_services() {
    let parent = template_based(900, json!({ "template": true }));
    let clone = clone_of(&parent, 950, json!({ "dependencies": ["lxc/103"] }));
    let needs = |vmid, stage| Requirement { id: GuestId::lxc(vmid).resource(), stage };
    assert_eq!(clone.requires(), [needs(900, Stage::Create), needs(103, Stage::Start)]);
    let layer = clone.layer().unwrap();
    assert_eq!(layer.parent, Some(GuestId::lxc(900).resource()));
    let moved = clone_of(&parent, 951, json!({ "memory_mib": 9, "name": "other", "storage": "fast" }));
    assert_eq!(moved.layer().unwrap().content, layer.content, "what a clone of it inherits is the same");
}
