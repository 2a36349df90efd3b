//! What Proxmox VE keeps by its API, end to end: storages, access and interfaces as `phoenix setup` has them, broken on
//! purpose and mended, cut off at each step, and pruned.

use std::{sync::Arc, time::Duration};

use phoenix_core::{
    Backend, Declared, Diagnostics, Facts, Plan, Probe, ResourceId,
    engine::{Cancel, Converged, Events, Verdict, converge, gather},
    planner::{self, Intent, Leftovers, Request, Resolved},
};
use phoenix_pve::{Limits, PveBackend, Transport, TransportError};
use phoenix_tests::{
    decorate::{Failing, Twice, When},
    lab::Lab,
    laws,
    world::{World, resolve},
};
use serde_json::{Value, json};

use crate::{block_on, on_each_way};

const NODE: &str = "phoenix";

fn with(mut lab: Lab, id: &str, mut spec: Value) -> Lab {
    let (kind, name) = id.split_once('/').expect("an id");
    spec["node"] = json!(NODE);
    if !["acl", "inventory", "network"].contains(&kind) {
        spec["name"] = json!(name);
    }
    lab.desired.resources.insert(ResourceId::new(kind, name), Declared::new(spec));
    lab
}

/// Storages, users, a role, a token and permissions.
fn kept() -> Lab {
    let dir = json!({"values": {"type": "dir", "path": "/srv/data", "content": "backup,images,rootdir"}});
    let btrfs = json!({"values": {"type": "btrfs", "path": "/srv/fast", "content": "rootdir"}});
    let alice = json!({"values": {"comment": "Alice", "groups": "ops"}, "dependencies": ["group/ops"]});
    let token =
        json!({"file": "/root/ci.token", "values": {"privsep": "1"}, "dependencies": ["user/alice@pve"]});
    let acl = json!({
        "grants": [
            {"path": "/vms", "type": "group", "name": "ops", "role": "Starter", "propagate": true},
            {"path": "/", "type": "token", "name": "alice@pve!ci", "role": "PVEAuditor", "propagate": false},
        ],
        "dependencies": ["group/ops", "role/Starter", "token/alice@pve!ci"],
    });
    let all = [
        ("storage/data", dir),
        ("storage/fast", btrfs),
        ("group/ops", json!({"values": {"comment": "on call"}})),
        ("role/Starter", json!({"values": {"privs": "VM.Audit,VM.PowerMgmt"}})),
        ("user/alice@pve", alice),
        ("token/alice@pve!ci", token),
        ("acl/cluster", acl),
        (
            "inventory/phoenix",
            json!({
                "storages": ["data", "fast"], "users": ["alice@pve"], "groups": ["ops"], "roles": ["Starter"],
                "tokens": ["alice@pve!ci"], "dependencies": ["acl/cluster"],
            }),
        ),
    ];
    all.into_iter().fold(Lab::new(), |lab, (id, spec)| with(lab, id, spec))
}

/// A bridge for guests, and a VLAN of it.
fn network() -> Lab {
    let interfaces = json!({
        "vmbr7": {"type": "bridge", "autostart": "1", "bridge_ports": "", "bridge_vlan_aware": "1"},
        "vmbr7.20": {"type": "vlan", "autostart": "1", "cidr": "10.20.0.1/24"},
    });
    with(Lab::new(), "network/phoenix", json!({ "interfaces": interfaces }))
}

fn request(resolved: &Resolved) -> Request {
    Request::new(resolved.apart().cloned(), Intent::Converge)
}

async fn facts(lab: &Lab, world: &World) -> Facts {
    let resolved = resolve(lab).expect("a good lab");
    let facts = gather(&resolved, &request(&resolved), world.backend.as_ref()).await;
    facts.unwrap_or_else(|found| panic!("{found}"))
}

async fn plan(lab: &Lab, world: &World) -> Result<Plan, Diagnostics> {
    let resolved = resolve(lab).expect("a good lab");
    planner::plan(&resolved, &request(&resolved), &facts(lab, world).await)
}

/// Returns the ids of the steps that are to do.
async fn steps(lab: &Lab, world: &World) -> Vec<String> {
    let plan = plan(lab, world).await.unwrap_or_else(|found| panic!("{found}"));
    plan.steps.iter().map(|step| step.id.to_string()).collect()
}

async fn run(lab: &Lab, backend: &dyn Backend, leftovers: Leftovers) -> Converged {
    let resolved = resolve(lab).expect("a good lab");
    let request = request(&resolved).with_leftovers(leftovers);
    let done = converge(&resolved, &request, backend, &Events::silent(), &Cancel::default()).await;
    done.unwrap_or_else(|found| panic!("{found}"))
}

async fn settle(lab: &Lab, backend: &dyn Backend) {
    let done = run(lab, backend, Leftovers::Keep).await;
    assert!(matches!(done.verdict, Verdict::Settled), "{:?}", done.last.failed);
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_first_plan_is_complete() {
    block_on(async {
        let mut all = kept();
        all.desired.resources.extend(network().desired.resources);
        let plan = plan(&all, &World::new()).await.expect("a plan");
        insta::assert_json_snapshot!(plan);
    });
}

#[test]
fn each_kind_costs_one_call_and_everything_is_kept_at_the_second_run() {
    block_on(async {
        let (lab, world) = (kept(), World::new());
        settle(&lab, world.backend.as_ref()).await;
        let before = world.node.calls().count;
        assert_eq!(steps(&lab, &world).await, nothing());
        // Storages, roles, groups, users, tokens, permissions.
        assert_eq!(world.node.calls().count - before, 6);
    });
}

#[test]
fn whatever_fails_and_whatever_is_done_twice_ends_in_the_same_host() {
    block_on(async {
        let lab = kept();
        let calm = World::new();
        settle(&lab, calm.backend.as_ref()).await;
        let (expected, count) =
            (facts(&lab, &calm).await, plan(&lab, &World::new()).await.expect("a plan").steps.len());
        let twice = World::new();
        settle(&lab, &Twice(twice.backend.clone())).await;
        laws::assert_same(&facts(&lab, &twice).await, &expected, "with every action done twice");
        for at in 0..count {
            for when in [When::Before, When::After] {
                let world = World::new();
                let failing = Failing::new(world.backend.clone(), at, when);
                assert_eq!(run(&lab, &failing, Leftovers::Keep).await.last.failed.len(), 1);
                settle(&lab, world.backend.as_ref()).await;
                laws::assert_same(
                    &facts(&lab, &world).await,
                    &expected,
                    &format!("after a failure {when:?} {at}"),
                );
            }
        }
    });
}

#[test]
fn what_is_broken_on_purpose_is_mended_by_exactly_its_steps() {
    on_each_way(async |way| {
        let (lab, world) = (kept(), way.seeded(kept().seed).await);
        let client = world.backend.client();
        let params = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        settle(&lab, world.backend.as_ref()).await;
        for (method, path, given, wanted) in [
            ("PUT", "/storage/data", params(&[("content", "iso")]), vec!["storage/data:storage:update"]),
            ("DELETE", "/storage/fast", params(&[]), vec!["storage/fast:storage:create"]),
            (
                "PUT",
                "/access/groups/ops",
                params(&[("comment", "x [phoenix]")]),
                vec!["group/ops:group:update"],
            ),
            (
                "PUT",
                "/access/roles/Starter",
                params(&[("privs", "VM.Audit")]),
                vec!["role/Starter:role:update"],
            ),
            (
                "PUT",
                "/access/users/alice%40pve",
                params(&[("groups", "")]),
                vec!["user/alice@pve:user:update"],
            ),
            (
                "PUT",
                "/access/acl",
                params(&[("path", "/vms"), ("groups", "ops"), ("roles", "Starter"), ("delete", "1")]),
                vec!["acl/cluster:permission:record", "acl/cluster:acl:grant-/vms,group,ops,Starter"],
            ),
            (
                "DELETE",
                "/access/users/alice%40pve/token/ci",
                params(&[]),
                vec![
                    "token/alice@pve!ci:token:issue",
                    "acl/cluster:acl:grant-/,token,alice@pve!ci,PVEAuditor",
                ],
            ),
        ] {
            let done = match method {
                "PUT" => client.put(path, given).await,
                _ => client.delete(path, given).await,
            };
            done.unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut found = steps(&lab, &world).await;
            // A permission that is gone is taken out of the record and put in again: the record may stay as it is.
            found.retain(|id| !id.ends_with(":record"));
            let wanted: Vec<_> = wanted.into_iter().filter(|id| !id.ends_with(":record")).collect();
            assert_eq!(found, wanted, "{method} {path}");
            settle(&lab, world.backend.as_ref()).await;
            assert_eq!(steps(&lab, &world).await, nothing(), "{method} {path}");
        }
    });
}

#[test]
fn what_is_not_declared_any_more_goes_and_what_others_made_stays() {
    block_on(async {
        let (lab, world) = (kept(), World::new());
        settle(&lab, world.backend.as_ref()).await;
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let client = world.backend.client();
        client
            .post("/storage", pairs(&[("storage", "theirs"), ("type", "dir"), ("path", "/t")]))
            .await
            .expect("made");
        client.post("/access/users", pairs(&[("userid", "bob@pve")])).await.expect("made");
        client
            .put("/access/acl", pairs(&[("path", "/"), ("users", "bob@pve"), ("roles", "PVEAuditor")]))
            .await
            .expect("granted");
        let empty =
            with(with(Lab::new(), "acl/cluster", json!({"grants": []})), "inventory/phoenix", json!({}));
        let told = plan(&empty, &world).await.expect("a plan");
        assert!(told.is_empty(), "without `--prune` nothing is removed");
        let codes: Vec<&str> = told.notes.iter().map(|note| &*note.code).collect();
        assert_eq!(codes, ["undeclared-object"; 9], "{:#?}", told.notes);
        let done = run(&empty, world.backend.as_ref(), Leftovers::Remove).await;
        assert!(matches!(done.verdict, Verdict::Settled), "{:?}", done.last.failed);
        let left = facts(&empty, &world).await;
        let names = |of: phoenix_core::ObjectKind| -> Vec<String> {
            left.objects(&of).expect("a list").rows.keys().cloned().collect()
        };
        assert_eq!(names(phoenix_core::ObjectKind::Storage), ["local", "local-zfs", "theirs"]);
        assert_eq!(names(phoenix_core::ObjectKind::User), ["bob@pve", "root@pam"]);
        assert_eq!(names(phoenix_core::ObjectKind::Acl), ["/ user bob@pve PVEAuditor"]);
        assert_eq!(names(phoenix_core::ObjectKind::Group), nothing());
    });
}

/// A way to the node that lets no new connection through.
struct CutOff(Arc<dyn Transport>);

#[phoenix_core::async_trait]
impl Transport for CutOff {
    async fn send(&self, request: phoenix_pve::Request) -> Result<phoenix_pve::Response, TransportError> {
        self.0.send(request).await
    }

    async fn send_anew(
        &self,
        request: phoenix_pve::Request,
    ) -> Result<phoenix_pve::Response, TransportError> {
        let method = request.method.as_str();
        let message = "no route to host".to_owned();
        Err(TransportError { method, path: request.path, message, may_have_arrived: false })
    }
}

#[test]
fn interfaces_that_cut_the_caller_off_come_back_by_themselves() {
    block_on(async {
        let (lab, world) = (network(), World::new());
        let before = facts(&lab, &world).await;
        let transport = Arc::new(CutOff(world.node.clone()));
        let cut_off = PveBackend::new(transport, world.channel.clone(), world.node.name(), Limits::default());
        let done = run(&lab, &cut_off, Leftovers::Keep).await;
        let [failure] = &done.last.failed[..] else { panic!("one cause: {:?}", done.last.failed) };
        assert_eq!(failure.step.verb(), "confirm");
        assert_eq!(steps(&lab, &world).await, nothing(), "it is in force for now");
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert_eq!(facts(&lab, &world).await, before, "what was there before is there again");
        settle(&lab, world.backend.as_ref()).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(steps(&lab, &world).await, nothing(), "what was confirmed stays");
    });
}

#[test]
fn a_run_that_ends_between_leaves_nothing_pending_for_long() {
    block_on(async {
        let lab = network();
        let count = plan(&lab, &World::new()).await.expect("a plan").steps.len();
        for at in 0..count {
            for when in [When::Before, When::After] {
                let world = World::new();
                let failing = Failing::new(world.backend.clone(), at, when);
                assert_eq!(run(&lab, &failing, Leftovers::Keep).await.last.failed.len(), 1);
                tokio::time::sleep(Duration::from_secs(180)).await;
                settle(&lab, world.backend.as_ref()).await;
                assert_eq!(steps(&lab, &world).await, nothing(), "{when:?} {at}");
            }
        }
    });
}

#[test]
fn pending_changes_of_somebody_else_are_left_alone() {
    block_on(async {
        let (lab, world) = (network(), World::new());
        let pairs = [("iface", "vmbr9"), ("type", "bridge")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        world.backend.client().post("/nodes/phoenix/network", pairs).await.expect("it is pending");
        let found = plan(&lab, &world).await.expect_err("a finding");
        assert_eq!(found.iter().map(|one| &*one.code).collect::<Vec<_>>(), ["network-pending"]);
        let pending = facts(&lab, &world).await;
        let of = phoenix_core::ObjectKind::Interface { node: NODE.into() };
        assert!(pending.knows(&Probe::Objects { of: of.clone() }));
        assert!(pending.objects(&of).is_some_and(|list| list.pending.is_some()));
    });
}
