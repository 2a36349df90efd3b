//! Containers that are not there yet.

use phoenix_core::{
    Action, CloneMode, Evidence, GuestId, Manager, Phase, Probe, Resource, evidence::VolumeRow,
    manager::Provision,
};
use phoenix_lxc::{Device, Lxc, Mount, MountSource};
use serde_json::json;

use crate::{
    specs::{clone_of, template_based, with_features},
    world::{World, step, verbs},
};

fn bind(target: &str) -> Mount {
    Mount {
        target: target.into(),
        source: MountSource::Bind { path: "/srv".into() },
        read_only: true,
        backup: false,
        uid: None,
        gid: None,
    }
}

#[test]
fn a_first_plan_is_complete() {
    let changes =
        json!({ "health": [{ "argv": ["true"] }], "lifecycle_snapshots": true, "final_snapshot": "done" });
    let want = with_features(template_based(900, changes), "f1");
    let mut world = World::new();
    let planned = world.converge(&Lxc, &want);
    assert_eq!(
        verbs(&planned),
        [
            "fetch-ubuntu-24.04-standard",
            "create",
            "snapshot-pre-configured",
            "start",
            "health-0",
            "seal",
            "snapshot-final-form",
            "snapshot-done"
        ]
    );
    assert_eq!(planned.provision, Provision::Fresh);
    let fetch = step(&planned, "fetch-ubuntu-24.04-standard");
    assert_eq!(fetch.resource.as_str(), "storage/local");
    let create = step(&planned, "create");
    assert!(create.after.contains(&fetch.id));
    let Action::CreateLxc { params, .. } = &create.action else { panic!("{create:?}") };
    let told: Vec<String> = params.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        told,
        [
            "cores=2",
            "description=a test\n\n<!-- phoenix {\"vmid\":900} -->",
            "hostname=ct900",
            "memory=1024",
            "nameserver=10.0.0.1",
            "net0=name=eth0,bridge=vmbr0,gw=10.0.0.1,ip=10.0.0.5/24",
            "rootfs=local:8",
            "swap=0",
            "tags=phoenix;web",
            "unprivileged=1",
        ]
    );
    assert!(step(&planned, "snapshot-done").after.contains(&step(&planned, "snapshot-final-form").id));
    for step in &planned.steps {
        assert!(!step.reason.is_empty());
        let json = serde_json::to_value(step).unwrap();
        assert_eq!(serde_json::from_value::<phoenix_core::Step>(json).unwrap(), *step);
    }
}

#[test]
fn a_template_without_features_is_never_started() {
    let want = template_based(900, json!({ "template": true, "health": [{ "argv": ["true"] }] }));
    let planned = World::new().converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["fetch-ubuntu-24.04-standard", "create", "seal", "template"]);
}

#[test]
fn a_template_with_features_runs_only_for_them() {
    let want = with_features(template_based(900, json!({ "template": true })), "f1");
    let planned = World::new().converge(&Lxc, &want);
    assert_eq!(
        verbs(&planned),
        ["fetch-ubuntu-24.04-standard", "create", "start", "seal", "stop-sealed", "template"]
    );
    assert!(step(&planned, "template").after.contains(&step(&planned, "stop-sealed").id));
}

#[test]
fn a_template_file_that_is_there_is_not_fetched() {
    let mut world = World::new();
    let rows = vec![VolumeRow {
        volid: "local:vztmpl/ubuntu-24.04-standard_24.04-2_amd64.tar.zst".into(),
        content: "vztmpl".into(),
        size: 1,
    }];
    world.facts.insert(Probe::Volumes { storage: "local".into(), node: None }, Evidence::Volumes { rows });
    let planned = world.converge(&Lxc, &template_based(900, json!({})));
    assert_eq!(verbs(&planned), ["create", "start", "seal"]);
}

#[test]
fn everything_that_only_containers_have_converges() {
    let mut want = template_based(900, json!({ "options": { "timezone": "host", "features": "nesting=1" } }));
    want.features.insert("keyctl".into(), "1".into());
    want.mounts = vec![
        bind("/data"),
        Mount { source: MountSource::Volume { storage: "local".into(), gib: 4 }, ..bind("/var/lib") },
    ];
    want.devices.insert("/dev/fuse".into(), Device { mode: Some(0o660), ..Device::default() });
    want.raw.insert(("lxc.cgroup2.devices.allow".into(), "c 195:* rwm".into()));
    let planned = World::new().converge(&Lxc, &want);
    let Action::CreateLxc { params, .. } = &step(&planned, "create").action else { panic!() };
    assert_eq!(params["mp0"], "/srv,mp=/data,ro=1");
    assert_eq!(params["mp1"], "local:4,mp=/var/lib,ro=1");
    assert_eq!(params["dev0"], "/dev/fuse,mode=0660");
    assert_eq!(params["features"], "nesting=1", "options have the last word");
    assert_eq!(step(&planned, "raw-keys").phase, Phase::Configure);
}

#[test]
fn a_clone_changes_exactly_what_it_does_not_inherit() {
    let mut parent = template_based(900, json!({ "template": true }));
    parent.features.insert("nesting".into(), "1".into());
    let changes = json!({ "memory_mib": 4096, "disk_gib": 20, "onboot": true,
        "networks": [{ "name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.12/24", "gateway": "10.0.0.1" }] });
    let want = clone_of(&parent, 950, changes);
    let mut world = World::new();
    let before = world.plan(&Lxc, &want).unwrap();
    world.converge(&Lxc, &parent);
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&before), verbs(&planned), "the plan is the same before its source is there");
    assert_eq!(verbs(&planned), ["clone", "configure", "resize-rootfs", "start", "seal"]);
    let Action::Clone { source, mode, storage, description, .. } = &step(&planned, "clone").action else {
        panic!()
    };
    assert_eq!((*source, *mode, storage), (GuestId::lxc(900), CloneMode::Linked, &None));
    assert!(description.contains(&format!("\"base\":\"{}\"", parent.stamp.layer)), "{description}");
    let Action::Configure { set, delete, digest, .. } = &step(&planned, "configure").action else { panic!() };
    let told: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        told,
        ["memory=4096", "net0=name=eth0,bridge=vmbr0,gw=10.0.0.1,ip=10.0.0.12/24,type=veth", "onboot=1"]
    );
    assert_eq!(delete.iter().collect::<Vec<_>>(), ["features"], "the source has it, the clone shall not");
    assert_eq!(*digest, None);
}

#[test]
fn probes_ask_only_for_what_is_needed() {
    let parent = template_based(900, json!({ "template": true }));
    let want = template_based(910, json!({ "final_snapshot": "done", "health": [{ "argv": ["true"] }] }));
    let nothing = phoenix_core::Facts::new();
    assert_eq!(Lxc.probes(&want.id(), Some(&want), &nothing), [Probe::Guests]);
    let mut world = World::new();
    let volumes = Probe::Volumes { storage: "local".into(), node: None };
    assert_eq!(
        Lxc.probes(&want.id(), Some(&want), &world.facts),
        [Probe::Guests, Probe::Storages { node: None }, volumes]
    );
    let cloned = clone_of(&parent, 950, json!({}));
    assert_eq!(Lxc.probes(&cloned.id(), Some(&cloned), &world.facts), [Probe::Guests]);
    world.converge(&Lxc, &parent);
    let source = Probe::Config { guest: GuestId::lxc(900) };
    assert_eq!(Lxc.probes(&cloned.id(), Some(&cloned), &world.facts), [Probe::Guests, source]);
    world.converge(&Lxc, &want);
    let asked = Lxc.probes(&want.id(), Some(&want), &world.facts);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        !asked.contains(&Probe::Snapshots { guest: GuestId::lxc(910) }),
        "it stands on its last snapshot"
    );
    world.set(GuestId::lxc(910), "parent", "another");
    let asked = Lxc.probes(&want.id(), Some(&want), &world.facts);
    assert!(asked.contains(&Probe::Snapshots { guest: GuestId::lxc(910) }));
}

#[test]
fn a_guest_in_the_making_is_waited_for_and_then_finished() {
    let want = with_features(template_based(900, json!({})), "f1");
    let mut world = World::new();
    let guest = GuestId::lxc(900);
    world.row(guest, |row| {
        row.lock = Some("create".into());
        row.task = Some("UPID:x".into());
    });
    world.set(guest, "lock", "create");
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!(verbs(&planned), ["await-created", "start", "seal"]);
    assert_eq!(planned.provision, Provision::Fresh);
}
