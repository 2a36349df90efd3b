//! Objects that Proxmox VE keeps by its API: the calls that a change is made of, and what is done of it where it is so already
//! or not as the plan saw it.

use std::collections::BTreeMap;

use phoenix_core::{
    Action, Backend, BackendError, ErrorKind, Evidence, ObjectChange, ObjectKind, Phase, Probe, Reader,
    ResourceId, Step,
    engine::Events,
    object::{Secrets, Values},
};
use serde_json::{Value, json};

use crate::{
    contract::Calls,
    script::{Reply, Script, call, task},
};

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn change(of: ObjectKind, name: &str, change: ObjectChange) -> Action {
    Action::Object { of, name: name.to_owned(), change }
}

fn create(pairs: &[(&str, &str)]) -> ObjectChange {
    ObjectChange::Create { values: values(pairs), secrets: Secrets::new() }
}

fn update(set: &[(&str, &str)], delete: &[&str], seen: &[(&str, &str)]) -> ObjectChange {
    let delete = delete.iter().map(|&key| key.to_owned()).collect();
    ObjectChange::Update { set: values(set), delete, seen: values(seen) }
}

fn interfaces() -> ObjectKind {
    ObjectKind::Interface { node: "pve2".into() }
}

/// The storage `data` as the list has it.
fn listed(content: &str) -> (String, Reply) {
    call(
        "GET /storage",
        json!([{"storage": "data", "type": "dir", "path": "/d", "content": content, "digest": "d1"}]),
    )
}

const GRANT: [(&str, &str); 5] =
    [("path", "/vms"), ("type", "group"), ("ugid", "ops"), ("roleid", "R"), ("propagate", "1")];

/// Returns changes of every sort with their calls, where nothing of them is done yet.
pub(crate) fn cases() -> Vec<(Action, Calls)> {
    let nothing = |path: &str| call(format!("GET {path}"), json!([]));
    let users = |tokens: Value| {
        call(
            "GET /access/users full=1",
            json!([{"userid": "a@pve", "comment": "A [phoenix]", "tokens": tokens}]),
        )
    };
    let acl = || {
        let row: BTreeMap<_, _> = GRANT.into_iter().collect();
        call("GET /access/acl", json!([row]))
    };
    let grant = "/vms group ops R";
    let issue = || ObjectChange::Issue {
        values: values(&[("privsep", "1")]),
        node: "pve1".into(),
        file: "/root/t".to_owned(),
    };
    let act = || call("ACT host/pve1 write-file", Value::Null);
    let made = || json!({"value": "uuid"});
    vec![
        (
            change(ObjectKind::Storage, "data", create(&[("type", "dir"), ("path", "/d")])),
            vec![nothing("/storage"), call("POST /storage storage=data path=/d type=dir", json!({}))],
        ),
        (
            change(
                ObjectKind::Storage,
                "data",
                update(&[("content", "images")], &["nodes"], &[("content", "iso")]),
            ),
            vec![listed("iso"), call("PUT /storage/data content=images delete=nodes digest=d1", json!({}))],
        ),
        (
            change(ObjectKind::Storage, "data", ObjectChange::Remove { seen: values(&[("path", "/d")]) }),
            vec![listed("iso"), call("DELETE /storage/data", Value::Null)],
        ),
        (
            change(ObjectKind::Role, "R", create(&[("privs", "VM.Audit")])),
            vec![nothing("/access/roles"), call("POST /access/roles roleid=R privs=VM.Audit", Value::Null)],
        ),
        (
            change(ObjectKind::Group, "ops", create(&[("comment", "[phoenix]")])),
            vec![
                nothing("/access/groups"),
                call("POST /access/groups groupid=ops comment=[phoenix]", Value::Null),
            ],
        ),
        (
            change(ObjectKind::User, "a@pve", update(&[("email", "a@b.c")], &[], &[])),
            vec![users(Value::Null), call("PUT /access/users/a@pve email=a@b.c", Value::Null)],
        ),
        (
            change(ObjectKind::Acl, grant, create(&GRANT)),
            vec![
                nothing("/access/acl"),
                call("PUT /access/acl path=/vms groups=ops roles=R propagate=1", Value::Null),
            ],
        ),
        (
            change(ObjectKind::Acl, grant, ObjectChange::Remove { seen: values(&GRANT) }),
            vec![acl(), call("PUT /access/acl path=/vms groups=ops roles=R delete=1", Value::Null)],
        ),
        (
            change(ObjectKind::Token, "a@pve!t", issue()),
            vec![users(Value::Null), call("POST /access/users/a@pve/token/t privsep=1", made()), act()],
        ),
        (
            change(ObjectKind::Token, "a@pve!t", ObjectChange::Remove { seen: Values::new() }),
            vec![users(json!([{"tokenid": "t"}])), call("DELETE /access/users/a@pve/token/t", Value::Null)],
        ),
        (
            change(interfaces(), "vmbr1", create(&[("type", "bridge")])),
            vec![
                nothing("/nodes/pve2/network"),
                call("POST /nodes/pve2/network iface=vmbr1 type=bridge", Value::Null),
            ],
        ),
        // An address that is not said again would be gone.
        (
            change(
                interfaces(),
                "vmbr0",
                update(&[("mtu", "9000"), ("type", "bridge")], &["gateway"], &[("type", "bridge")]),
            ),
            vec![
                call(
                    "GET /nodes/pve2/network",
                    json!([{"iface": "vmbr0", "type": "bridge", "cidr": "10.0.0.2/24", "bridge_ports": "eth0"}]),
                ),
                call(
                    "PUT /nodes/pve2/network/vmbr0 cidr=10.0.0.2/24 mtu=9000 type=bridge delete=gateway",
                    Value::Null,
                ),
            ],
        ),
        (
            change(interfaces(), "", ObjectChange::Guard { seconds: 120 }),
            vec![call("GUARD pve2 interfaces Begin { seconds: 120 }", Value::Null)],
        ),
        (change(interfaces(), "", ObjectChange::Apply), task("PUT /nodes/pve2/network")),
        (
            change(interfaces(), "", ObjectChange::Confirm),
            vec![call("GET /version", json!({})), call("GUARD pve2 interfaces End", Value::Null)],
        ),
    ]
}

async fn perform(action: Action, calls: Calls) -> Result<(), BackendError> {
    let script = Script::new(calls);
    let step =
        Step::new(&ResourceId::new("storage", "data"), "storage", "do", Phase::Configure, action, "test");
    let done = script.backend().perform(&step, &Events::silent()).await;
    script.check("the calls");
    done
}

#[tokio::test]
async fn what_is_so_already_is_not_done_again() {
    for (action, list) in [
        (create(&[("type", "dir"), ("path", "/d")]), listed("iso")),
        (update(&[("content", "vztmpl iso")], &["nodes"], &[("content", "images")]), listed("iso,vztmpl")),
        (ObjectChange::Remove { seen: values(&[("path", "/d")]) }, call("GET /storage", json!([]))),
    ] {
        perform(change(ObjectKind::Storage, "data", action), vec![list]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_as_the_plan_saw_it_is_not_touched() {
    for action in [
        create(&[("type", "btrfs"), ("path", "/d")]),
        update(&[("content", "images")], &[], &[("content", "iso,vztmpl")]),
        update(&[("path", "/e")], &[], &[]),
        ObjectChange::Remove { seen: values(&[("path", "/other")]) },
    ] {
        let done = perform(change(ObjectKind::Storage, "data", action.clone()), vec![listed("iso")]).await;
        assert_eq!(done.unwrap_err().kind, ErrorKind::Changed, "{action:?}");
    }
}

#[tokio::test]
async fn a_reply_that_was_lost_is_read_back() {
    let made = create(&[("type", "dir"), ("path", "/d")]);
    let calls = vec![
        call("GET /storage", json!([])),
        ("POST /storage storage=data path=/d type=dir".to_owned(), Reply::Lost),
        listed("images,rootdir"),
    ];
    perform(change(ObjectKind::Storage, "data", made), calls).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_there_gets_a_new_secret() {
    let issue = ObjectChange::Issue {
        values: values(&[("privsep", "1")]),
        node: "pve1".into(),
        file: "/root/t".to_owned(),
    };
    let there = json!([{"userid": "a@pve", "tokens": [{"tokenid": "t"}]}]);
    let path = "/access/users/a@pve/token/t";
    let calls = vec![
        call("GET /access/users full=1", there),
        (format!("PUT {path} privsep=1 regenerate=1"), Reply::Refusal(400, "Parameter verification failed.")),
        call(format!("DELETE {path}"), Value::Null),
        call(format!("POST {path} privsep=1"), json!({"value": "uuid"})),
        call("ACT host/pve1 write-file", Value::Null),
    ];
    perform(change(ObjectKind::Token, "a@pve!t", issue), calls).await.unwrap();
}

#[tokio::test]
async fn one_call_answers_for_all_objects_of_a_list() {
    let users = json!([
        {"userid": "a@pve", "enable": 1, "groups": "ops", "tokens": [{"tokenid": "t", "privsep": 1}]},
        {"userid": "root@pam", "enable": 1},
    ]);
    for (of, call_line, data, names) in [
        (ObjectKind::User, "GET /access/users full=1", users.clone(), vec!["a@pve", "root@pam"]),
        (ObjectKind::Token, "GET /access/users full=1", users, vec!["a@pve!t"]),
        (
            ObjectKind::Acl,
            "GET /access/acl",
            json!([{"path": "/", "type": "user", "ugid": "a@pve", "roleid": "R", "propagate": 1}]),
            vec!["/ user a@pve R"],
        ),
        (interfaces(), "GET /nodes/pve2/network", json!([{"iface": "vmbr0"}]), vec!["vmbr0"]),
        (
            ObjectKind::Volume { node: "pve1".into(), storage: "data".into() },
            "GET /nodes/pve1/storage/data/content",
            json!([{"volid": "data:iso/a.iso", "content": "iso"}]),
            vec!["data:iso/a.iso"],
        ),
    ] {
        let script = Script::new(vec![call(call_line, data)]);
        let answers = script.backend().read(&[Probe::Objects { of: of.clone() }]).await;
        script.check(&format!("{of:?}"));
        let Ok(Evidence::Objects(objects)) = &answers[0] else { panic!("{of:?}: {answers:?}") };
        assert_eq!(objects.rows.keys().map(String::as_str).collect::<Vec<_>>(), names);
    }
}
