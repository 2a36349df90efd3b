//! Virtual machines through their lives.

use phoenix_core::{Action, GuestId, Lifecycle, Manager, Power, Probe, Resource};
use phoenix_vm::Vm;
use serde_json::json;

use crate::{
    specs::{clone_of, image_based},
    world::{World, step, verbs},
};

const GUEST: GuestId = GuestId { kind: phoenix_core::GuestKind::Vm, vmid: phoenix_core::Vmid(9000) };

#[test]
fn a_cloud_image_becomes_a_template() {
    let cloud_init =
        json!({ "cloud_init": { "user": "ops", "ssh_keys": ["ssh-ed25519 AAAA= a@b"], "upgrade": false } });
    let want = image_based(9000, json!({ "template": true }), cloud_init);
    let mut world = World::new();
    let planned = world.converge(&Vm, &want);
    assert_eq!(verbs(&planned), ["fetch-noble.qcow2", "create", "resize-scsi0", "seal", "template"]);
    let create = step(&planned, "create");
    assert!(create.after.contains(&step(&planned, "fetch-noble.qcow2").id));
    let Action::CreateVm { params, .. } = &create.action else { panic!() };
    let told: Vec<String> = params.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        told,
        [
            "agent=1",
            "boot=order=scsi0",
            "ciupgrade=0",
            "ciuser=ops",
            "cores=2",
            "description=<!-- phoenix {\"vmid\":9000} -->",
            "ide2=local:cloudinit",
            "ipconfig0=gw=10.0.0.1,ip=10.0.0.111/24",
            "memory=2048",
            "name=vm9000",
            "nameserver=10.0.0.1",
            "net0=model=virtio,bridge=vmbr0",
            "scsi0=local:0,import-from=local:import/noble.qcow2",
            "scsihw=virtio-scsi-single",
            "serial0=socket",
            "sshkeys=ssh-ed25519%20AAAA%3D%20a%40b",
            "tags=phoenix",
            "vga=serial0",
        ]
    );
    let found = Vm.observe(&want.id(), &world.facts).unwrap();
    assert_eq!(Vm.lifecycle(Some(&want), found.as_ref()), Lifecycle::Template);
}

#[test]
fn a_clone_lists_exactly_what_it_changes() {
    let parent = image_based(9000, json!({ "template": true }), json!({ "cloud_init": { "user": "ops" } }));
    let guest = json!({ "memory_mib": 8192, "disk_gib": 40, "power": "running",
        "networks": [{ "bridge": "vmbr0", "ip": "10.0.0.102/24", "gateway": "10.0.0.1" }] });
    let own =
        json!({ "cloud_init": { "user": "ops" }, "disks": { "scsi1": { "storage": "local", "gib": 5 } } });
    let want = clone_of(&parent, 1002, guest, own);
    let mut world = World::new();
    let before = world.plan(&Vm, &want).unwrap();
    world.converge(&Vm, &parent);
    let planned = world.converge(&Vm, &want);
    assert_eq!(verbs(&before), verbs(&planned));
    assert_eq!(verbs(&planned), ["clone", "configure", "resize-scsi0", "start", "seal"]);
    let Action::Configure { set, delete, .. } = &step(&planned, "configure").action else { panic!() };
    let told: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(told, ["ipconfig0=gw=10.0.0.1,ip=10.0.0.102/24", "memory=8192", "scsi1=local:5"]);
    assert!(delete.is_empty());
}

#[test]
fn normal_forms_are_no_drift_and_changes_are() {
    let own = json!({ "cpu": "host", "pci": ["0000:01:00.0", "gpu"], "boot": ["scsi0", "net0"],
        "disks": { "scsi1": { "storage": "local", "gib": 5 } } });
    let mut want = image_based(9000, json!({}), own);
    let mut world = World::new();
    world.converge(&Vm, &want);
    for (key, value) in [
        ("net0", "bridge=vmbr0,firewall=0,virtio=bc:24:11:00:00:01"),
        ("memory", "current=2048"),
        ("cpu", "cputype=host,flags=+aes"),
        ("agent", "enabled=1,fstrim_cloned_disks=1"),
        ("hostpci0", "0000:01:00.0,pcie=1"),
        ("hostpci1", "mapping=gpu,pcie=1"),
        ("scsi1", "local:9000/vm-9000-disk-1.qcow2,discard=on,size=5G"),
        ("sockets", "1"),
        ("smbios1", "uuid=11111111-2222-3333-4444-555555555555"),
    ] {
        world.set(GUEST, key, value);
    }
    assert_eq!(verbs(&world.plan(&Vm, &want).unwrap()), Vec::<&str>::new());
    want.guest.networks[0].vlan = Some(7);
    want.agent = false;
    want.pci.truncate(1);
    want.disks.clear();
    let planned = world.converge(&Vm, &want);
    assert_eq!(verbs(&planned), ["configure"]);
    let configure = step(&planned, "configure");
    assert!(configure.reason.ends_with("differ; the volume of `scsi1` stays, as an unused disk"));
    let Action::Configure { set, delete, .. } = &configure.action else { panic!() };
    assert_eq!(set["net0"], "virtio=bc:24:11:00:00:01,bridge=vmbr0,firewall=0,tag=7");
    assert_eq!(set["agent"], "0,fstrim_cloned_disks=1");
    assert_eq!(delete.iter().collect::<Vec<_>>(), ["hostpci1", "scsi1"]);
}

#[test]
fn the_drive_of_cloud_init_is_no_disk_to_take_away() {
    let want = image_based(9000, json!({}), json!({}));
    let mut world = World::new();
    world.converge(&Vm, &want);
    world.set(GUEST, "ide2", "local:9000/vm-9000-cloudinit.qcow2,media=cdrom");
    assert_eq!(verbs(&world.plan(&Vm, &want).unwrap()), Vec::<&str>::new());
}

#[test]
fn snapshots_follow_the_life() {
    let want = image_based(1001, json!({ "lifecycle_snapshots": true }), json!({}));
    let planned = World::new().converge(&Vm, &want);
    assert_eq!(
        verbs(&planned),
        [
            "fetch-noble.qcow2",
            "create",
            "resize-scsi0",
            "snapshot-pre-configured",
            "start",
            "seal",
            "snapshot-final-form"
        ]
    );
    let snapshot = step(&planned, "snapshot-pre-configured");
    assert!(snapshot.after.contains(&step(&planned, "resize-scsi0").id));
}

#[test]
fn an_image_is_looked_for_in_its_storage() {
    let want = image_based(9000, json!({}), json!({}));
    let asked = Vm.probes(&want.id(), Some(&want), &World::new().facts);
    assert_eq!(
        asked,
        [
            Probe::Guests,
            Probe::Storages { node: None },
            Probe::Volumes { storage: "local".into(), node: None }
        ]
    );
}

#[test]
fn power_is_the_users_word() {
    let want = image_based(9000, json!({ "power": "stopped" }), json!({}));
    let mut world = World::new();
    let planned = world.converge(&Vm, &want);
    assert_eq!(verbs(&planned), ["fetch-noble.qcow2", "create", "resize-scsi0", "seal"]);
    let found = Vm.observe(&want.id(), &world.facts).unwrap();
    let steps = Vm.power(&want.id(), &want, found.as_ref(), Power::Running).unwrap();
    assert_eq!(steps[0].id.as_str(), "vm/9000:guest:start");
    world.row(GUEST, |row| row.template = true);
    let found = Vm.observe(&want.id(), &world.facts).unwrap();
    let refused = Vm.power(&want.id(), &want, found.as_ref(), Power::Running).unwrap_err();
    assert_eq!(&*refused.0[0].code, "template-power");
}
