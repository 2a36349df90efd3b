//! The engine: failures, cancellation, panics, convergence.

use std::{sync::Arc, time::Duration};

use phoenix_core::{
    FeatureUse, Probe,
    engine::{Cancel, Event, Events, Verdict, converge, execute, gather},
    planner::{self, Request, Resolved},
};
use serde_json::json;

use crate::toy::{ToyBackend, desired, registry, toy};

fn lab() -> Resolved {
    let features = vec![FeatureUse::new("motd", json!({"text": "hello"}))];
    let toys = desired(&[
        (toy(100, None, &[]), features),
        (toy(101, Some(100), &[]), vec![]),
        (toy(102, None, &[]), vec![]),
    ]);
    Resolved::new(&registry(), &toys).unwrap_or_else(|found| panic!("{found}"))
}

#[tokio::test(start_paused = true)]
async fn a_second_run_does_nothing() {
    let (backend, resolved) = (ToyBackend::default(), lab());
    let request = Request::converge_all();
    let first = converge(&resolved, &request, &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    assert!(matches!(first.verdict, Verdict::Settled), "{:?}", first.verdict);
    assert_eq!((first.rounds, first.done), (1, 7));
    let second = converge(&resolved, &request, &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    assert_eq!((second.rounds, second.done), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_only_what_waits_for_it_and_is_named_as_the_cause() {
    let (backend, resolved) = (ToyBackend::default(), lab());
    backend.refuses.lock().expect("no panic").insert("lxc/100:guest:start".into());
    let run = converge(&resolved, &Request::converge_all(), &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    assert!(matches!(run.verdict, Verdict::Failed));
    assert_eq!(run.last.failed.len(), 1);
    assert_eq!(run.last.skipped.len(), 3);
    assert!(run.last.skipped.iter().all(|(_, cause)| cause.as_str() == "lxc/100:guest:start"));
    assert!(run.last.done.iter().any(|step| step.as_str() == "lxc/102:guest:start"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_backend_is_one_failed_step() {
    let (backend, resolved) = (ToyBackend::default(), lab());
    backend.refuses.lock().expect("no panic").insert("lxc/100:motd:write".into());
    let run = converge(&resolved, &Request::converge_all(), &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    assert_eq!(run.last.failed[0].error.to_string(), "the backend panicked: a write that panics");
    assert!(run.last.done.iter().any(|step| step.as_str() == "lxc/102:guest:start"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_never_becomes_empty_is_reported_and_not_repeated_for_ever() {
    let (backend, resolved) = (ToyBackend { forgets: true, ..ToyBackend::default() }, lab());
    let run = converge(&resolved, &Request::converge_all(), &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    let Verdict::Restless(plan) = run.verdict else { panic!("{:?}", run.verdict) };
    assert!(Verdict::restless(&plan).message.contains("`lxc/100:guest:create`"));
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_running_steps_and_says_what_is_left() {
    let (backend, resolved) = (Arc::new(ToyBackend::default()), lab());
    let (events, mut heard) = Events::channel();
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let run = async {
        let run = converge(&resolved, &Request::converge_all(), backend.as_ref(), &events, &cancel).await;
        drop(events);
        run.expect("planned")
    };
    let stopper = async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.finish.cancel();
    };
    let (run, ()) = tokio::join!(run, stopper);
    assert!(matches!(run.verdict, Verdict::Stopped));
    assert_eq!(run.last.done.len(), 2, "the two creates that ran are finished");
    assert_eq!(run.last.left.len(), 5);
    let mut stopping = None;
    while let Ok(event) = heard.try_recv() {
        if let Event::Stopping { running, left } = event {
            stopping = Some((running, left));
        }
    }
    assert_eq!(stopping, Some((2, 5)));
}

#[tokio::test(start_paused = true)]
async fn abandoning_drops_running_steps_and_counts_them_as_left() {
    let (backend, resolved) = (ToyBackend::default(), lab());
    let cancel = Cancel::default();
    let facts = gather(&resolved, &Request::converge_all(), &backend).await.expect("facts");
    let plan = planner::plan(&resolved, &Request::converge_all(), &facts).expect("planned");
    let stop = cancel.clone();
    let stopper = async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.abandon.cancel();
    };
    let events = Events::silent();
    let (outcome, ()) = tokio::join!(execute(&plan, &backend, &events, &cancel), stopper);
    assert!(outcome.done.is_empty());
    assert_eq!(outcome.left.len(), plan.steps.len());
}

#[tokio::test(start_paused = true)]
async fn independent_steps_run_side_by_side() {
    let (backend, resolved) = (ToyBackend::default(), lab());
    let run = converge(&resolved, &Request::converge_all(), &backend, &Events::silent(), &Cancel::default())
        .await
        .expect("planned");
    // create, start, write of 100, then create and start of its clone; the third guest beside them.
    assert_eq!(run.took, Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_feature_of_a_guest_that_is_not_there_learns_of_its_node_and_nothing_of_its_inside() {
    let features = vec![FeatureUse::new("motd", json!({"text": "hello", "nodes": true}))];
    let toys = desired(&[(toy(100, None, &[]), features)]);
    let resolved = Resolved::new(&registry(), &toys).unwrap_or_else(|found| panic!("{found}"));
    let facts = gather(&resolved, &Request::converge_all(), &ToyBackend::default()).await.expect("facts");
    let asked: Vec<&Probe> = facts.iter().map(|(probe, _)| probe).collect();
    assert_eq!(asked, [&Probe::Nodes, &Probe::Guests]);
}
