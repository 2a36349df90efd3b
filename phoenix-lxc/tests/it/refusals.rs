//! What the manager refuses, and removal.

use phoenix_core::{Diagnostics, GuestId, GuestKind, Manager, Resource, Vmid, manager::Planned};
use phoenix_lxc::{Lxc, Mount, MountSource};
use serde_json::json;

use crate::{
    specs::{clone_of, template_based},
    world::{World, code, verbs},
};

const GUEST: GuestId = GuestId { kind: GuestKind::Lxc, vmid: Vmid(950) };

fn remove(world: &World) -> Result<Planned, Diagnostics> {
    let found = Lxc.observe(&GUEST.resource(), &world.facts).expect("readable facts");
    Lxc.plan(&GUEST.resource(), None, found.as_ref(), &world.facts)
}

#[test]
fn foreign_guests_are_not_touched() {
    let want = template_based(950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    world.set(GUEST, "description", "<!-- phoenix {\"vmid\":900} -->");
    let refused = world.plan(&Lxc, &want).unwrap_err();
    assert_eq!(&*refused.0[0].code, "foreign-guest");
    assert_eq!(
        refused.0[0].message,
        "`lxc/950` is there and was not made by Phoenix: it is a copy of `lxc/900`"
    );
    assert_eq!(code(remove(&world)), "foreign-guest");
    world.set(GUEST, "description", "mine");
    assert_eq!(code(world.plan(&Lxc, &want)), "foreign-guest");
}

#[test]
fn a_vmid_of_the_other_kind_is_taken() {
    let mut world = World::new();
    world.row(GuestId::vm(950), |_| {});
    assert_eq!(code(world.plan(&Lxc, &template_based(950, json!({})))), "vmid-taken");
}

#[test]
fn locks_are_waited_for_while_a_task_works() {
    let want = template_based(950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    world.row(GUEST, |row| {
        row.lock = Some("backup".into());
        row.task = Some("UPID".into());
    });
    assert_eq!(verbs(&world.plan(&Lxc, &want).unwrap()), Vec::<&str>::new());
    world.set(GUEST, "memory", "1");
    assert_eq!(verbs(&world.plan(&Lxc, &want).unwrap()), ["configure", "await-unlocked"]);
    world.row(GUEST, |row| row.task = None);
    assert_eq!(code(world.plan(&Lxc, &want)), "stale-lock");
    world.set(GUEST, "memory", "1024");
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!((planned.steps.len(), &*planned.notes.0[0].code), (0, "stale-lock"));
    world.row(GUEST, |row| row.lock = Some("create".into()));
    assert_eq!(code(world.plan(&Lxc, &want)), "stale-lock");
}

#[test]
fn removal_stops_and_deletes() {
    let mut world = World::new();
    assert_eq!(remove(&world).unwrap(), Planned::default());
    world.converge(&Lxc, &template_based(950, json!({})));
    let planned = remove(&world).unwrap();
    assert_eq!(verbs(&planned), ["stop", "delete"]);
    assert!(planned.steps[1].after.contains(&planned.steps[0].id));
    world.execute(&planned);
    assert_eq!(remove(&world).unwrap(), Planned::default());
}

#[test]
fn protected_guests_are_not_removed() {
    let mut world = World::new();
    world.converge(&Lxc, &template_based(950, json!({ "protection": true })));
    let refused = remove(&world).unwrap_err();
    assert_eq!(&*refused.0[0].code, "protected");
    assert!(refused.0[0].hint.as_ref().unwrap().contains("phoenix converge 950"));
}

#[test]
fn disks_do_not_shrink() {
    let want = template_based(950, json!({ "disk_gib": 16 }));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    assert_eq!(code(world.plan(&Lxc, &template_based(950, json!({ "disk_gib": 8 })))), "disk-shrink");
    let grown = world.converge(&Lxc, &template_based(950, json!({ "disk_gib": 17 })));
    assert_eq!(verbs(&grown), ["resize-rootfs"]);
    let parent = template_based(900, json!({ "template": true, "disk_gib": 16 }));
    let refused = World::new().plan(&Lxc, &clone_of(&parent, 951, json!({})));
    assert_eq!(code(refused), "disk-shrink");
}

#[test]
fn wishes_that_cannot_be_are_refused() {
    let world = World::new();
    let refused = template_based(900, json!({ "template": true, "final_snapshot": "x" }));
    assert_eq!(code(world.plan(&Lxc, &refused)), "snapshot-of-template");
    let mut parent = template_based(900, json!({}));
    let mut linked = clone_of(&parent, 950, json!({}));
    linked.guest.origin =
        serde_json::from_value(json!({ "from": "clone", "source": 900, "mode": "linked" })).unwrap();
    assert_eq!(code(world.plan(&Lxc, &linked)), "clone-source");
    parent.mounts.push(Mount {
        target: "/data".into(),
        source: MountSource::Bind { path: "/srv".into() },
        read_only: false,
        backup: false,
        uid: None,
        gid: None,
    });
    assert_eq!(code(world.plan(&Lxc, &clone_of(&parent, 950, json!({})))), "clone-source");
    let mut orphan = clone_of(&parent, 950, json!({}));
    orphan.stamp.parent_spec = None;
    assert_eq!(code(world.plan(&Lxc, &orphan)), "clone-source");
    assert_eq!(code(world.plan(&Lxc, &template_based(950, json!({ "storage": "gone" })))), "unknown-storage");
    let image =
        json!({ "origin": { "from": "cloud-image", "storage": "local", "url": "u", "filename": "f" } });
    assert_eq!(code(world.plan(&Lxc, &template_based(950, image))), "origin");
    assert_eq!(template_based(950, json!({})).id().as_str(), "lxc/950");
}
