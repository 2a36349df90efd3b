//! Users, groups, roles, tokens and permissions.

use phoenix_core::{ObjectKind, planner::Leftovers};
use serde_json::{Value, json};

use crate::pve::{NODE, Pve, plan, refusals, steps};

fn user(adopt: bool) -> (&'static str, Value) {
    let values = json!({"comment": "Alice", "email": "a@b.c"});
    ("user/alice@pve", json!({"name": "alice@pve", "node": NODE, "values": values, "adopt": adopt}))
}

fn alice(comment: &str, email: &str) -> Pve {
    Pve::default().with(
        ObjectKind::User,
        "alice@pve",
        &[("comment", comment), ("email", email), ("enable", "1")],
    )
}

#[test]
fn the_mark_in_the_comment_tells_whose_a_user_is() {
    let planned = plan(&[user(false)], &Pve::default(), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["user:create"]);
    assert!(serde_json::to_string(&planned).unwrap().contains("Alice [phoenix]"));
    assert!(plan(&[user(false)], &alice("Alice [phoenix]", "a@b.c"), Leftovers::Keep).unwrap().is_empty());
    assert!(plan(&[user(false)], &alice("Alice", "a@b.c"), Leftovers::Keep).unwrap().is_empty());
    let planned = plan(&[user(false)], &alice("Alice [phoenix]", "x"), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["user:update"]);
    let said = refusals(plan(&[user(false)], &alice("Alice", "x"), Leftovers::Keep));
    assert!(said[0].starts_with("foreign-object"), "{said:?}");
    let planned = plan(&[user(true)], &alice("Alice", "a@b.c"), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["user:update"], "it takes the mark");
}

#[test]
fn root_and_the_roles_of_proxmox_ve_are_never_touched() {
    let spec =
        |name: &str| json!({"name": name, "node": NODE, "adopt": true, "values": {"privs": "VM.Audit"}});
    let grant = json!({"path": "/", "type": "token", "name": "root@pam!x", "role": "R", "propagate": true});
    let token = json!({"name": "root@pam!x", "node": NODE, "file": "/root/x"});
    for (id, spec) in [
        ("user/root@pam", spec("root@pam")),
        ("role/PVEAdmin", spec("PVEAdmin")),
        ("role/Administrator", spec("Administrator")),
        ("acl/cluster", json!({"node": NODE, "grants": [grant]})),
        ("token/root@pam!x", token),
    ] {
        let said = refusals(plan(&[(id, spec)], &Pve::default(), Leftovers::Keep));
        assert!(said[0].starts_with("untouchable-object"), "{id}: {said:?}");
    }
}

fn token(renew: bool) -> (&'static str, Value) {
    let values = json!({"privsep": "1"});
    (
        "token/a@pve!ci",
        json!({"name": "a@pve!ci", "node": NODE, "file": "/root/ci", "values": values, "renew": renew}),
    )
}

fn issued() -> Pve {
    let mut pve = Pve::default()
        .with(ObjectKind::Token, "a@pve!ci", &[("privsep", "1"), ("comment", "[phoenix]")])
        .recorded(ObjectKind::Token, "a@pve!ci", &["file=/root/ci"]);
    pve.files.insert("/root/ci".to_owned(), (42, 600));
    pve
}

#[test]
fn a_token_is_issued_once_and_its_file_is_never_written_over() {
    let planned = plan(&[token(false)], &Pve::default(), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["token:record", "token:reserve", "token:issue"]);
    assert!(plan(&[token(true)], &issued(), Leftovers::Keep).unwrap().is_empty());
    // A run that ended between goes on.
    let mut cut = issued();
    cut.files.insert("/root/ci".to_owned(), (0, 600));
    assert_eq!(steps(&plan(&[token(false)], &cut, Leftovers::Keep).unwrap()), ["token:issue"]);
    // The file is gone.
    let mut lost = issued();
    lost.files.clear();
    let planned = plan(&[token(false)], &lost, Leftovers::Keep).unwrap();
    assert!(planned.is_empty());
    assert_eq!(&*planned.notes.iter().next().unwrap().code, "token-secret-lost");
    assert_eq!(
        steps(&plan(&[token(true)], &lost, Leftovers::Keep).unwrap()),
        ["token:reserve", "token:issue"]
    );
    // Others can read it.
    let mut open = issued();
    open.files.insert("/root/ci".to_owned(), (42, 644));
    assert_eq!(steps(&plan(&[token(false)], &open, Leftovers::Keep).unwrap()), ["token:close"]);
    // Somebody else's file has its name.
    let mut foreign = Pve::default();
    foreign.files.insert("/root/ci".to_owned(), (7, 600));
    let said = refusals(plan(&[token(true)], &foreign, Leftovers::Keep));
    assert!(said[0].starts_with("foreign-file"), "{said:?}");
}

fn acl(role: Option<&str>) -> (&'static str, Value) {
    let grant = |role| json!({"path": "/", "type": "user", "name": "a@pve", "role": role, "propagate": true});
    ("acl/cluster", json!({"node": NODE, "grants": role.map(grant).into_iter().collect::<Vec<_>>()}))
}

fn granted(role: &str, propagate: &str) -> Pve {
    let pairs =
        [("path", "/"), ("type", "user"), ("ugid", "a@pve"), ("roleid", role), ("propagate", propagate)];
    Pve::default().with(ObjectKind::Acl, &format!("/ user a@pve {role}"), &pairs)
}

#[test]
fn a_permission_is_recorded_granted_and_revoked_only_if_it_is_ours() {
    let planned = plan(&[acl(Some("R"))], &Pve::default(), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned), ["permission:record", "acl:grant-/,user,a@pve,R"]);
    let ours = |propagate| granted("R", propagate).recorded(ObjectKind::Acl, "cluster", &["/ user a@pve R"]);
    assert!(plan(&[acl(Some("R"))], &ours("1"), Leftovers::Remove).unwrap().is_empty());
    assert_eq!(
        steps(&plan(&[acl(Some("R"))], &ours("0"), Leftovers::Keep).unwrap()),
        ["acl:update-/,user,a@pve,R"]
    );
    let said = refusals(plan(&[acl(Some("R"))], &granted("R", "0"), Leftovers::Keep));
    assert!(said[0].starts_with("foreign-object"), "{said:?}");
    assert_eq!(
        steps(&plan(&[acl(None)], &ours("1"), Leftovers::Remove).unwrap()),
        ["acl:revoke-/,user,a@pve,R"]
    );
    assert_eq!(plan(&[acl(None)], &ours("1"), Leftovers::Keep).unwrap().notes.iter().count(), 1);
    assert!(plan(&[acl(None)], &granted("R", "1"), Leftovers::Remove).unwrap().is_empty());
    // What is revoked is forgotten, so that somebody else can grant it.
    let stale = Pve::default().recorded(ObjectKind::Acl, "cluster", &["/ user a@pve R"]);
    assert_eq!(steps(&plan(&[acl(None)], &stale, Leftovers::Keep).unwrap()), ["permission:record"]);
}

#[test]
fn a_user_with_somebody_elses_permission_or_token_stays() {
    let inventory = [("inventory/pve1", json!({"node": NODE}))];
    let ours = alice("[phoenix]", "");
    let planned = plan(&inventory, &ours, Leftovers::Remove).unwrap();
    assert_eq!(steps(&planned), ["inventory:remove-user-alice@pve"]);
    let pairs = [("path", "/"), ("type", "user"), ("ugid", "alice@pve"), ("roleid", "R"), ("propagate", "1")];
    let granted = ours.clone().with(ObjectKind::Acl, "/ user alice@pve R", &pairs);
    let with_token = ours.with(ObjectKind::Token, "alice@pve!theirs", &[("privsep", "1")]);
    for pve in [granted, with_token] {
        let planned = plan(&inventory, &pve, Leftovers::Remove).unwrap();
        assert!(planned.is_empty(), "{:?}", steps(&planned));
        assert_eq!(planned.notes.iter().count(), 1);
    }
}
