//! Seals, snapshots, templates and layers.

use phoenix_core::{Action, GuestId, Lifecycle, Manager, Resource, manager::Provision};
use phoenix_lxc::{Lxc, Mount, MountSource};
use serde_json::json;

use crate::{
    specs::{clone_of, template_based, with_features},
    world::{World, step, verbs},
};

#[test]
fn new_features_seal_a_guest_again_and_renew_its_last_snapshot() {
    let changes = json!({ "lifecycle_snapshots": true });
    let before = with_features(template_based(950, changes.clone()), "f1");
    let mut world = World::new();
    world.converge(&Lxc, &before);
    let after = with_features(template_based(950, changes), "f2");
    let planned = world.converge(&Lxc, &after);
    assert_eq!(verbs(&planned), ["seal", "delete-snapshot-final-form", "snapshot-final-form"]);
    assert_eq!(planned.provision, Provision::Observed);
    assert_eq!(planned.outdated, None);
    let Action::Configure { set, digest, .. } = &step(&planned, "seal").action else { panic!() };
    assert!(set["description"].contains(&after.stamp.layer.0) && digest.is_some());
}

#[test]
fn a_template_of_an_older_layer_is_left_alone_and_named() {
    let before = with_features(template_based(900, json!({ "template": true })), "f1");
    let mut world = World::new();
    world.converge(&Lxc, &before);
    let found = Lxc.observe(&before.id(), &world.facts).unwrap();
    assert_eq!(Lxc.lifecycle(Some(&before), found.as_ref()), Lifecycle::Template);
    let after = with_features(template_based(900, json!({ "template": true })), "f2");
    let planned = world.plan(&Lxc, &after).unwrap();
    assert_eq!(verbs(&planned), Vec::<&str>::new());
    assert_eq!(planned.provision, Provision::Sealed);
    assert_eq!(planned.outdated.as_deref(), Some("has other features than are wanted now"));
    assert_eq!(Lxc.lifecycle(Some(&after), found.as_ref()), Lifecycle::Drifted);
    let grown = with_features(template_based(900, json!({ "template": true, "disk_gib": 9 })), "f1");
    let planned = world.plan(&Lxc, &grown).unwrap();
    assert_eq!(planned.outdated.as_deref(), Some("has a root disk of 8 GiB, and 9 GiB are wanted"));
    assert_eq!(planned.steps, []);
}

#[test]
fn a_clone_of_an_older_layer_is_named_and_has_nothing_to_do() {
    let old = with_features(template_based(900, json!({ "template": true })), "f1");
    let new = with_features(template_based(900, json!({ "template": true })), "f2");
    let mut world = World::new();
    world.converge(&Lxc, &old);
    world.converge(&Lxc, &clone_of(&old, 950, json!({})));
    let planned = world.plan(&Lxc, &clone_of(&new, 950, json!({}))).unwrap();
    assert_eq!(verbs(&planned), Vec::<&str>::new());
    assert_eq!(planned.outdated.as_deref(), Some("was cloned from an older `lxc/900`"));
    // Its own features change: they are installed, and what it was cloned from is not forgotten.
    let planned = world.converge(&Lxc, &with_features(clone_of(&new, 950, json!({})), "mine"));
    assert_eq!(verbs(&planned), ["seal"]);
    let planned = world.plan(&Lxc, &with_features(clone_of(&new, 950, json!({})), "mine")).unwrap();
    assert_eq!(planned.outdated.as_deref(), Some("was cloned from an older `lxc/900`"));
}

#[test]
fn another_origin_makes_a_guest_outdated_for_good() {
    let mut want = template_based(950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    want.guest.origin = serde_json::from_value(
        json!({ "from": "os-template", "storage": "local", "template": "debian-13-standard" }),
    )
    .unwrap();
    let want = with_features(want, "f1");
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["seal"]);
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!(planned.outdated.as_deref(), Some("was made from something else than is wanted now"));
}

#[test]
fn a_privileged_guest_is_not_made_unprivileged_in_place() {
    let want = template_based(950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    world.set(GuestId::lxc(950), "unprivileged", "0");
    let planned = world.plan(&Lxc, &want).unwrap();
    assert!(planned.outdated.unwrap().starts_with("is privileged and shall be unprivileged"));
}

#[test]
fn a_guest_that_shall_be_a_template_is_stopped_and_converted() {
    let mut want = template_based(950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    want.guest.template = true;
    assert_eq!(verbs(&world.converge(&Lxc, &want)), ["stop-sealed", "template"]);
}

#[test]
fn a_guest_with_snapshots_is_left_running_and_not_made_a_template() {
    let mut want = template_based(950, json!({ "lifecycle_snapshots": true }));
    let mut world = World::new();
    world.converge(&Lxc, &want);
    want.guest.template = true;
    want.guest.lifecycle_snapshots = false;
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!(verbs(&planned), Vec::<&str>::new());
    let outdated = "shall be a template and has snapshots, which no template has";
    assert_eq!(planned.outdated.as_deref(), Some(outdated));
}

#[test]
fn a_linked_clone_stands_on_its_template() {
    let parent = template_based(900, json!({ "template": true }));
    let want = clone_of(&parent, 950, json!({}));
    let mut world = World::new();
    world.converge(&Lxc, &parent);
    world.converge(&Lxc, &want);
    world.set(GuestId::lxc(950), "rootfs", "local:900/base-900-disk-0.raw/950/vm-950-disk-0.raw,size=8G");
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!(planned.stands_on, Some(GuestId::lxc(900).resource()));
}

#[test]
fn a_bind_mount_rules_snapshots_out() {
    let mut want = template_based(950, json!({ "lifecycle_snapshots": true }));
    want.mounts.push(Mount {
        target: "/data".into(),
        source: MountSource::Bind { path: "/srv".into() },
        read_only: false,
        backup: false,
        uid: None,
        gid: None,
    });
    let planned = World::new().converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["fetch-ubuntu-24.04-standard", "create", "start", "seal"]);
    assert_eq!(&*planned.notes.0[0].code, "snapshot-with-bind-mount");
}

#[test]
fn the_owner_of_a_mount_point_is_left_to_the_user_and_said_so() {
    let mut want = template_based(950, json!({}));
    let source = MountSource::Bind { path: "/srv".into() };
    let (uid, gid) = (Some(1000), None);
    want.mounts.push(Mount { target: "/data".into(), source, read_only: false, backup: false, uid, gid });
    let mut world = World::new();
    let note = world.converge(&Lxc, &want).notes.0.remove(0);
    assert_eq!(note.hint.as_deref(), Some("`chown 101000:100000 /srv` on the node sets it"));
    assert!(world.plan(&Lxc, &want).unwrap().notes.is_empty());
}
