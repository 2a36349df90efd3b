//! Whatever goes wrong on the way to a node, once for each sort of write: the lab comes up all the same, and nothing is
//! done twice.

use std::sync::{Arc, OnceLock};

use phoenix_core::{
    Facts, ResourceId,
    engine::{Cancel, Event, Events, Verdict, converge},
    planner::{Intent, Request, Resolved},
};
use phoenix_node::{Effect, Fault, NodeSeed};
use phoenix_pve::{Method, Transport};
use phoenix_tests::{
    faulty::{Faulty, Mishap},
    lab::{Lab, STORAGE, base_setup, cloned, container, machine, template},
    laws,
    way::Way,
    world::{World, resolve},
};
use serde_json::json;

use crate::ways;

/// A lab with every sort of write: what is fetched, made, cloned, changed, grown, started, snapshotted, converted.
fn lab() -> Lab {
    let mut lab = Lab::new()
        .with(
            "lxc",
            template(container(900)),
            vec![base_setup(json!({"locale": "C.UTF-8", "packages": ["git"]}))],
        )
        .with("lxc", cloned(container(101), 900, "linked"), vec![])
        .with("lxc", cloned(container(102), 900, "full"), vec![])
        .with("vm", template(machine(9000)), vec![])
        .with("vm", cloned(machine(201), 9000, "full"), vec![]);
    lab.edit("lxc/102", |spec| {
        spec["guest"]["disk_gib"] = json!(6);
        spec["guest"]["final_snapshot"] = json!("done");
    });
    lab.edit("lxc/101", |spec| {
        let volume = json!({"kind": "volume", "storage": STORAGE, "gib": 2});
        spec["mounts"] = json!([{"target": "/data", "source": volume}]);
        spec["guest"]["memory_mib"] = json!(1024);
    });
    lab
}

fn resolved() -> Resolved {
    resolve(&lab()).unwrap_or_else(|found| panic!("{found}"))
}

async fn portrait(world: &World, resolved: &Resolved) -> Facts {
    world.portrait(resolved).await.unwrap_or_else(|found| panic!("{found}"))
}

/// Brings the lab up while one sort of thing goes wrong, and takes it away; returns what was retried.
async fn suffer(way: Way, mishap: Mishap) -> usize {
    suffer_with(way, mishap, &[]).await
}

/// The same with faults of the node itself.
async fn suffer_with(way: Way, mishap: Mishap, faults: &[Fault]) -> usize {
    let resolved = resolved();
    let undisturbed = way.world().await;
    laws::settle(&resolved, undisturbed.backend.as_ref()).await;
    let faulty = Arc::new(OnceLock::new());
    let made = faulty.clone();
    let world = way
        .wrapped(NodeSeed::default(), move |inner| {
            made.get_or_init(|| Arc::new(Faulty::new(inner, mishap))).clone() as Arc<dyn Transport>
        })
        .await;
    faults.iter().for_each(|fault| world.node.inject(fault.clone()));
    let (events, mut heard) = Events::channel();
    let run =
        converge(&resolved, &Request::converge_all(), world.backend.as_ref(), &events, &Cancel::default())
            .await
            .unwrap_or_else(|found| panic!("{way:?} {mishap:?}: {found}"));
    let failures: Vec<_> =
        run.last.failed.iter().map(|failed| format!("{}: {}", failed.step, failed.error)).collect();
    assert!(matches!(run.verdict, Verdict::Settled), "{way:?} {mishap:?}: {failures:#?}");
    let faulty = faulty.get().expect("the way was wrapped");
    assert!(faulty.count() > 1, "{way:?} {mishap:?} never struck");
    assert_eq!(world.node.faults_left(), 0, "{way:?}: not all that was to go wrong did");
    let (found, expected) = (portrait(&world, &resolved).await, portrait(&undisturbed, &resolved).await);
    laws::assert_same(&found, &expected, &format!("after {mishap:?} by {way:?}"));
    let mut retried = 0;
    while let Ok(event) = heard.try_recv() {
        retried += usize::from(matches!(event, Event::Retried { .. }));
    }
    let all = resolved.ids().cloned().collect::<Vec<ResourceId>>();
    let request = Request::new(all, Intent::Remove);
    let gone =
        converge(&resolved, &request, world.backend.as_ref(), &Events::silent(), &Cancel::default()).await;
    let gone = gone.unwrap_or_else(|found| panic!("{way:?} {mishap:?}: {found}"));
    assert!(matches!(gone.verdict, Verdict::Settled), "{way:?} {mishap:?}: {:?}", gone.last.failed);
    retried
}

fn on_each_way(mishaps: &[Mishap]) -> Vec<usize> {
    // What the mishaps of one test differ in is all between the node and its client, so one of them is enough for a node
    // that takes its time.
    let runs = ways()
        .into_iter()
        .flat_map(|way| way.some(mishaps.to_vec(), 1).into_iter().map(move |mishap| (way, mishap)));
    runs.map(|(way, mishap)| way.block_on(suffer(way, mishap))).collect()
}

#[test]
fn replies_that_are_lost_after_the_deed_are_resolved_by_looking() {
    on_each_way(&[Mishap::LostReply, Mishap::ProxyAfter(596), Mishap::ProxyAfter(599)]);
}

#[test]
fn calls_that_never_arrived_are_made_again() {
    on_each_way(&[Mishap::ClosedOnReuse, Mishap::ProxyBefore(595), Mishap::ProxyBefore(596)]);
}

#[test]
fn a_lock_that_was_waited_for_in_vain_is_tried_again_and_told_of() {
    for retried in on_each_way(&[Mishap::LockTimeout]) {
        assert!(retried > 5, "{retried} events");
    }
}

#[test]
fn a_start_that_is_falsely_called_failed_is_none() {
    for retried in on_each_way(&[Mishap::FalselyFailed]) {
        assert_eq!(retried, 0);
    }
}

#[test]
fn slow_tasks_are_waited_for() {
    on_each_way(&[Mishap::SlowTask(6)]);
}

#[test]
fn calls_that_a_proxy_gave_up_on_are_carried_out_later_and_once() {
    // Where time passes, half a minute of it would, for each sort of write.
    Way::InProcess.block_on(suffer(Way::InProcess, Mishap::Cut));
}

#[test]
fn a_ticket_that_expires_on_the_way_is_replaced_by_a_new_one() {
    let expires = |method, path: &str, skip| Fault {
        method: Some(method),
        path: path.to_owned(),
        skip,
        times: 1,
        effect: Effect::Answer { status: 401, reason: "permission denied - invalid PVE ticket".to_owned() },
    };
    let faults = [
        expires(Method::Get, "/cluster/resources", 1),
        expires(Method::Get, "/tasks/", 3),
        expires(Method::Post, "/lxc", 0),
        expires(Method::Post, "/clone", 0),
        expires(Method::Put, "/config", 0),
        expires(Method::Post, "/status/start", 1),
    ];
    Way::Https.block_on(suffer_with(Way::Https, Mishap::SlowTask(1), &faults));
}
