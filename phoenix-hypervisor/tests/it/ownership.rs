//! The property: whatever there is and whatever is declared, no plan changes or removes what the facts do not prove to be
//! Phoenix's, or what the user has not said is to be taken over.

use phoenix_core::{Action, ObjectChange, ObjectKind, planner::Leftovers};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::pve::{NODE, Pve, actions, plan};

/// An object of some kind: how it is there, whose it is, and how it is declared.
#[derive(Clone, Debug)]
struct One {
    is_there: bool,
    is_ours: bool,
    value: u8,
    declared: Option<(u8, bool)>,
    holds: Option<&'static str>,
}

const NAMES: [(&str, &str); 8] = [
    ("storage", "data"),
    ("storage", "local"),
    ("user", "a@pve"),
    ("user", "root@pam"),
    ("group", "ops"),
    ("role", "R"),
    ("token", "a@pve!t"),
    ("acl", "/ user a@pve R"),
];

fn kind(word: &str) -> ObjectKind {
    match word {
        "storage" => ObjectKind::Storage,
        "user" => ObjectKind::User,
        "group" => ObjectKind::Group,
        "role" => ObjectKind::Role,
        "token" => ObjectKind::Token,
        _ => ObjectKind::Acl,
    }
}

fn one() -> impl Strategy<Value = One> {
    let declared = prop::option::of((0..2u8, any::<bool>()));
    let holds = prop::sample::select(vec![None, Some("iso"), Some("rootdir"), Some("backup")]);
    (any::<bool>(), any::<bool>(), 0..2u8, declared, holds).prop_map(
        |(is_there, is_ours, value, declared, holds)| One { is_there, is_ours, value, declared, holds },
    )
}

/// Adds an object to what there is.
fn add(pve: Pve, word: &str, name: &str, one: &One) -> Pve {
    let of = kind(word);
    let number = one.value.to_string();
    let comment = if one.is_ours { "x [phoenix]" } else { "x" };
    let pairs: Vec<(&str, &str)> = match word {
        "storage" => vec![("type", "dir"), ("path", "/d"), ("shared", &number)],
        "role" => vec![("privs", if one.value == 0 { "VM.Audit" } else { "VM.Clone" })],
        "acl" => {
            vec![("path", "/"), ("type", "user"), ("ugid", "a@pve"), ("roleid", "R"), ("propagate", &number)]
        }
        _ => vec![("comment", comment), ("expire", &number)],
    };
    let mut pve = if one.is_there { pve.with(of.clone(), name, &pairs) } else { pve };
    if one.is_ours {
        pve = match word {
            "storage" => pve.recorded(of, name, &["path=/d", "type=dir"]),
            "role" => pve.recorded(of, name, &["role=R"]),
            "acl" => pve.recorded(of, "cluster", &[name]),
            _ => pve,
        };
    }
    match one.holds {
        Some(content) if word == "storage" => {
            let volumes = ObjectKind::Volume { node: NODE.into(), storage: name.to_owned() };
            pve.with(volumes, "v", &[("content", content)])
        }
        _ => pve,
    }
}

/// Returns the spec of an object, if it is declared.
fn spec(word: &str, name: &str, one: &One) -> Option<(String, Value)> {
    let (value, adopt) = one.declared?;
    let number = value.to_string();
    let values = match word {
        "storage" => json!({"type": "dir", "path": "/d", "shared": number}),
        "role" => json!({"privs": if value == 0 { "VM.Audit" } else { "VM.Clone" }}),
        "acl" => {
            let grant =
                json!({"path": "/", "type": "user", "name": "a@pve", "role": "R", "propagate": value == 1});
            return Some(("acl/cluster".to_owned(), json!({"node": NODE, "grants": [grant]})));
        }
        _ => json!({"expire": number}),
    };
    let mut spec = json!({"name": name, "node": NODE, "values": values, "adopt": adopt});
    if word == "token" {
        spec["file"] = json!("/root/t");
        spec["renew"] = json!(adopt);
    }
    Some((format!("{word}/{name}"), spec))
}

proptest! {
    #[test]
    fn nothing_is_changed_or_removed_that_is_not_proven_to_be_ours(all in prop::collection::vec(one(), NAMES.len())) {
        let all: Vec<((&str, &str), One)> = NAMES.into_iter().zip(all).collect();
        let pve = all.iter().fold(Pve::default(), |pve, ((word, name), one)| add(pve, word, name, one));
        let names = |kind: &str| -> Vec<&str> {
            let is = |((word, _), one): &&((&str, &str), One)| *word == kind && one.declared.is_some();
            all.iter().filter(is).map(|((_, name), _)| *name).collect()
        };
        let inventory = json!({
            "node": NODE, "storages": names("storage"), "users": names("user"), "groups": names("group"),
            "roles": names("role"), "tokens": names("token"),
        });
        let mut specs = vec![("inventory/pve1".to_owned(), inventory)];
        specs.extend(all.iter().filter_map(|((word, name), one)| spec(word, name, one)));
        if !specs.iter().any(|(id, _)| id == "acl/cluster") {
            specs.push(("acl/cluster".to_owned(), json!({"node": NODE, "grants": []})));
        }
        // One at a time: what is refused of one must not hide the plan of the others.
        for (id, spec) in &specs {
            let Ok(plan) = plan(&[(id.as_str(), spec.clone())], &pve, Leftovers::Remove) else { continue };
            for action in actions(&plan) {
                let (of, name, change) = match action {
                    Action::Object { of, name, change } => (of, name, change),
                    Action::WriteFile { path, .. } => {
                        prop_assert!(path.starts_with("/etc/phoenix/objects/") || path == "/root/t");
                        continue;
                    }
                    Action::RemoveFile { path, .. } => {
                        prop_assert!(path.starts_with("/etc/phoenix/objects/"));
                        continue;
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                let found = all.iter().find(|((word, known), _)| kind(word) == *of && known == name);
                let (_, one) = found.expect("a name of the table");
                let is_adopted = one.declared.is_some_and(|(_, adopt)| adopt);
                prop_assert!(!name.starts_with("root@pam"), "{action:?}");
                match change {
                    ObjectChange::Create { .. } => prop_assert!(!one.is_there, "{action:?}"),
                    ObjectChange::Update { .. } | ObjectChange::Issue { .. } => {
                        prop_assert!(!one.is_there || one.is_ours || is_adopted, "{action:?}");
                    }
                    ObjectChange::Remove { .. } => {
                        let is_empty = !matches!(one.holds, Some("rootdir" | "backup"));
                        let is_free = *of != ObjectKind::Storage || (is_empty && name != "local");
                        prop_assert!(one.is_ours && one.declared.is_none() && is_free, "{action:?}");
                    }
                    ObjectChange::Guard { .. } | ObjectChange::Apply | ObjectChange::Confirm => {
                        return Err(TestCaseError::fail(format!("{action:?}")));
                    }
                }
            }
        }
    }
}
