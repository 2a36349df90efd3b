//! Containers that are not as they shall be.

use phoenix_core::{Action, GuestId, Lifecycle, Manager, Power, Resource, manager::Provision};
use phoenix_lxc::{Lxc, Mount, MountSource, Spec};
use serde_json::json;

use crate::{
    specs::{template_based, with_features},
    world::{World, step, verbs},
};

const GUEST: GuestId = GuestId { kind: phoenix_core::GuestKind::Lxc, vmid: phoenix_core::Vmid(950) };

fn converged(want: &Spec) -> World {
    let mut world = World::new();
    world.converge(&Lxc, want);
    world
}

fn lifecycle(world: &World, want: &Spec) -> Lifecycle {
    let found = Lxc.observe(&want.id(), &world.facts).expect("readable facts");
    Lxc.lifecycle(Some(want), found.as_ref())
}

#[test]
fn a_foreign_change_is_named_and_mended() {
    let want = template_based(950, json!({}));
    let mut world = converged(&want);
    assert_eq!(lifecycle(&world, &want), Lifecycle::Healthy);
    world.set(GUEST, "memory", "4096");
    world.set(
        GUEST,
        "net0",
        "name=eth0,bridge=vmbr7,hwaddr=BC:24:11:AA:AA:AA,ip=10.0.0.5/24,gw=10.0.0.1,new=1,type=veth",
    );
    assert_eq!(lifecycle(&world, &want), Lifecycle::Drifted);
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["configure"]);
    let configure = step(&planned, "configure");
    assert_eq!(configure.reason, "`memory` and `net0` differ");
    let told: Vec<_> =
        configure.changes.iter().map(|c| (c.field.as_str(), c.old.as_deref(), c.new.as_deref())).collect();
    assert_eq!(told, [("memory", Some("4096"), Some("1024")), ("net0.bridge", Some("vmbr7"), Some("vmbr0"))]);
    let Action::Configure { set, digest, .. } = &configure.action else { panic!() };
    assert_eq!(
        set["net0"],
        "name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:AA:AA:AA,ip=10.0.0.5/24,new=1,type=veth"
    );
    assert!(digest.is_some());
}

#[test]
fn normal_forms_are_no_drift() {
    let want = template_based(950, json!({ "startup": { "order": 3 }, "search_domain": "home.arpa" }));
    let mut world = converged(&want);
    world.set(GUEST, "tags", "WEB;phoenix");
    world.set(GUEST, "startup", "up=0,order=3");
    world.set(GUEST, "onboot", "0");
    world.set(GUEST, "features", "nesting=0");
    world.set(GUEST, "nameserver", "10.0.0.1 ");
    world.set(GUEST, "ostype", "ubuntu");
    world.set(GUEST, "arch", "amd64");
    assert_eq!(verbs(&world.plan(&Lxc, &want).unwrap()), Vec::<&str>::new());
}

#[test]
fn notes_are_rewritten_without_losing_the_marker() {
    let mut want = template_based(950, json!({}));
    let mut world = converged(&want);
    want.guest.description = "another text".into();
    assert_eq!(verbs(&world.converge(&Lxc, &want)), ["configure"]);
    assert!(world.config(GUEST).values["description"].starts_with("another text\n\n<!-- phoenix"));
}

#[test]
fn mount_points_are_known_by_their_place() {
    let volume = |target: &str, gib| Mount {
        target: target.into(),
        source: MountSource::Volume { storage: "local".into(), gib },
        read_only: false,
        backup: true,
        uid: None,
        gid: None,
    };
    let mut want = template_based(950, json!({}));
    want.mounts = vec![volume("/a", 1), volume("/b", 1), volume("/c", 1)];
    let mut world = converged(&want);
    want.mounts = vec![volume("/d", 1), volume("/c/", 3), volume("/a", 1)];
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["configure", "resize-mp2"]);
    let configure = step(&planned, "configure");
    assert_eq!(configure.reason, "`mp1` and `mp3` differ; the volume of `mp1` stays, as an unused disk");
    let Action::Configure { set, delete, .. } = &configure.action else { panic!() };
    assert_eq!((set.len(), set["mp3"].as_str()), (1, "local:1,mp=/d,backup=1"));
    assert_eq!(delete.iter().collect::<Vec<_>>(), ["mp1"]);
}

#[test]
fn network_cards_beyond_the_last_go_away() {
    let mut want = template_based(950, json!({}));
    let mut world = converged(&want);
    world.set(GUEST, "net1", "name=eth1,bridge=vmbr0");
    let planned = world.converge(&Lxc, &want);
    let Action::Configure { delete, .. } = &step(&planned, "configure").action else { panic!() };
    assert_eq!(delete.iter().collect::<Vec<_>>(), ["net1"]);
    want.guest.options.insert("net1".into(), "name=eth1,bridge=vmbr0".into());
    world.set(GUEST, "net1", "name=eth1,bridge=vmbr0");
    assert_eq!(verbs(&world.plan(&Lxc, &want).unwrap()), Vec::<&str>::new());
}

#[test]
fn raw_lines_are_exactly_those_wanted() {
    let mut want = template_based(950, json!({}));
    let mut world = converged(&want);
    want.raw.insert(("lxc.mount.auto".into(), "sys:rw".into()));
    assert_eq!(verbs(&world.converge(&Lxc, &want)), ["raw-keys"]);
    world.set(GUEST, "lxc", "lxc.mount.auto: sys:rw\nlxc.apparmor.profile: unconfined");
    let planned = world.converge(&Lxc, &want);
    let change = &step(&planned, "raw-keys").changes[0];
    assert_eq!(change.old.as_deref(), Some("lxc.apparmor.profile: unconfined"));
}

#[test]
fn power_follows_the_spec() {
    let mut want = template_based(950, json!({}));
    let mut world = converged(&want);
    world.row(GUEST, |row| row.running = false);
    assert_eq!(lifecycle(&world, &want), Lifecycle::Provisioned);
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["start"]);
    assert_eq!(step(&planned, "start").reason, "it should run and does not");
    assert_eq!(planned.provision, Provision::Sealed);
    want.guest.power = Power::Stopped;
    assert_eq!(verbs(&world.converge(&Lxc, &want)), ["stop"]);
    let want = with_features(want, "f2");
    let planned = world.converge(&Lxc, &want);
    assert_eq!(verbs(&planned), ["start", "seal", "stop-sealed"]);
    assert_eq!(planned.provision, Provision::Fresh);
}

#[test]
fn pending_changes_are_a_note() {
    let want = template_based(950, json!({}));
    let mut world = converged(&want);
    let mut config = world.config(GUEST);
    config.pending.insert("cores".into());
    world.store(GUEST, config);
    let planned = world.plan(&Lxc, &want).unwrap();
    assert_eq!((planned.steps.len(), &*planned.notes.0[0].code), (0, "pending-restart"));
}

#[test]
fn health_checks_that_fail_are_waited_for() {
    let want = template_based(950, json!({ "health": [{ "argv": ["curl", "localhost"] }] }));
    let mut world = converged(&want);
    let probe = phoenix_core::Probe::Command {
        site: phoenix_core::Site::Guest(GUEST),
        argv: vec!["curl".into(), "localhost".into()],
    };
    let failed = phoenix_core::Evidence::Output { status: 7, stdout: String::new(), stderr: String::new() };
    world.facts.insert(probe, failed);
    assert_eq!(lifecycle(&world, &want), Lifecycle::Drifted);
    let planned = world.converge(&Lxc, &want);
    assert_eq!(step(&planned, "health-0").reason, "its health check fails: `curl localhost`");
    assert_eq!(lifecycle(&world, &want), Lifecycle::Healthy);
}

#[test]
fn the_verbs_of_power_do_what_they_say() {
    let want = template_based(950, json!({}));
    let world = converged(&want);
    let found = Lxc.observe(&want.id(), &world.facts).unwrap();
    let power = |goal| Lxc.power(&want.id(), &want, found.as_ref(), goal).unwrap();
    assert_eq!(power(Power::Running), []);
    assert_eq!(power(Power::Stopped).len(), 1);
    let restart = power(Power::Restarted);
    assert!(restart[1].after.contains(&restart[0].id) && restart[0].phase < restart[1].phase);
    let absent = Lxc.power(&want.id(), &want, None, Power::Running).unwrap_err();
    assert_eq!(&*absent.0[0].code, "guest-absent");
    let mut world = world;
    world.row(want.id().guest().expect("a guest"), |row| row.lock = Some("backup".into()));
    let found = Lxc.observe(&want.id(), &world.facts).unwrap();
    let locked = Lxc.power(&want.id(), &want, found.as_ref(), Power::Stopped).unwrap_err();
    assert_eq!(&*locked.0[0].code, "stale-lock");
}
