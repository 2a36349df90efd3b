//! Storages: made, changed where they are Phoenix's, told of where they are not.

use phoenix_core::{Action, ObjectChange, ObjectKind, planner::Leftovers};
use serde_json::{Value, json};

use crate::pve::{NODE, Pve, actions, plan, refusals, steps, values};

fn data(adopt: bool) -> (&'static str, Value) {
    let values = json!({"type": "dir", "path": "/srv/data", "content": "images,rootdir"});
    ("storage/data", json!({"name": "data", "node": NODE, "values": values, "adopt": adopt}))
}

fn there(content: &str) -> Pve {
    let pairs = [("type", "dir"), ("path", "/srv/data"), ("content", content), ("shared", "0")];
    Pve::default().with(ObjectKind::Storage, "data", &pairs)
}

fn ours(content: &str) -> Pve {
    there(content).recorded(ObjectKind::Storage, "data", &["path=/srv/data", "type=dir"])
}

#[test]
fn one_that_is_missing_is_recorded_and_then_made() {
    let planned = plan(&[data(false)], &Pve::default(), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["storage:record", "storage:create"]);
    assert!(planned.steps[1].after.contains(&planned.steps[0].id));
    // A run that ended between goes on with what is left.
    let mut cut = ours("x");
    cut.rows.clear();
    assert_eq!(steps(&plan(&[data(false)], &cut, Leftovers::Keep).unwrap()), ["storage:create"]);
}

#[test]
fn one_of_ours_that_somebody_has_changed_is_mended_by_one_step() {
    assert!(plan(&[data(false)], &ours("rootdir,images"), Leftovers::Keep).unwrap().is_empty());
    let planned = plan(&[data(false)], &ours("iso"), Leftovers::Keep).unwrap();
    let wanted = ObjectChange::Update {
        set: values(&[("content", "images,rootdir")]),
        delete: Default::default(),
        seen: values(&[("content", "iso")]),
    };
    let found: Vec<_> = actions(&planned).collect();
    let name = "data".to_owned();
    assert_eq!(found, [&Action::Object { of: ObjectKind::Storage, name, change: wanted }]);
}

#[test]
fn one_of_somebody_else_is_only_changed_where_it_is_taken_over() {
    assert!(plan(&[data(false)], &there("images,rootdir"), Leftovers::Keep).unwrap().is_empty());
    let said = refusals(plan(&[data(false)], &there("iso"), Leftovers::Keep));
    assert_eq!(
        said,
        [
            "foreign-object: the storage `data` is not Phoenix's, and `content` is `iso` and not `images,rootdir`"
        ]
    );
    let planned = plan(&[data(true)], &there("iso"), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["storage:record", "storage:update"]);
}

#[test]
fn what_proxmox_ve_cannot_change_is_refused_with_what_to_do() {
    let mut other = ours("images,rootdir");
    let rows = other.rows.get_mut(&ObjectKind::Storage).unwrap();
    rows.get_mut("data").unwrap().insert("path".to_owned(), "/mnt/data".to_owned());
    for adopt in [false, true] {
        let said = refusals(plan(&[data(adopt)], &other, Leftovers::Keep));
        assert!(said[0].starts_with("fixed-object: the storage `data` is there and `path`"), "{said:?}");
    }
}

fn inventory() -> (&'static str, Value) {
    ("inventory/pve1", json!({"node": NODE}))
}

fn volume(pve: Pve, content: &str) -> Pve {
    let of = ObjectKind::Volume { node: NODE.into(), storage: "data".to_owned() };
    pve.with(of, &format!("data:{content}/x"), &[("content", content)])
}

#[test]
fn what_is_not_declared_is_told_of_and_only_removed_where_it_is_ours_and_empty() {
    let removed = ["inventory:forget-storage-data", "inventory:remove-storage-data"];
    let nothing: [&str; 0] = [];
    let elsewhere = |mut pve: Pve| {
        let row = pve.rows.get_mut(&ObjectKind::Storage).unwrap().get_mut("data").unwrap();
        row.insert("nodes".to_owned(), "pve1,pve2".to_owned());
        pve
    };
    for (pve, leftovers, wanted) in [
        (ours("iso"), Leftovers::Keep, &nothing[..]),
        (ours("iso"), Leftovers::Remove, &removed[..]),
        (volume(ours("iso"), "iso"), Leftovers::Remove, &removed[..]),
        (volume(ours("iso"), "rootdir"), Leftovers::Remove, &nothing[..]),
        (volume(ours("iso"), "backup"), Leftovers::Remove, &nothing[..]),
        (elsewhere(ours("iso")), Leftovers::Remove, &nothing[..]),
        (there("iso"), Leftovers::Remove, &nothing[..]),
    ] {
        let planned = plan(&[inventory()], &pve, leftovers).unwrap();
        assert_eq!(steps(&planned), wanted, "{pve:?}");
        assert_eq!(planned.notes.iter().count(), usize::from(wanted.is_empty()), "{pve:?}");
    }
}

#[test]
fn storages_of_proxmox_ve_itself_are_no_leftovers() {
    let mut pve = Pve::default();
    for name in ["local", "local-lvm", "local-zfs"] {
        pve = pve.with(ObjectKind::Storage, name, &[("type", "dir"), ("path", "/x")]);
        pve = pve.recorded(ObjectKind::Storage, name, &["path=/x", "type=dir"]);
    }
    let planned = plan(&[inventory()], &pve, Leftovers::Remove).unwrap();
    assert!(planned.is_empty() && planned.notes.is_empty(), "{planned:?}");
}
