//! The laws: what holds for every manager and every feature, whatever lab they plan. Each function checks one and
//! panics with what broke it.

use std::{collections::BTreeSet, sync::Arc};

use phoenix_core::{
    Backend, Evidence, Facts, Plan, Probe, Step, StepId,
    engine::{Cancel, Events, Verdict, converge},
    planner::{Request, Resolved},
};

use crate::{
    decorate::{Failing, Twice, When},
    lab::Lab,
    way::Way,
    world::{World, resolve},
};

/// At how many places of a plan something fails where what is planned is real: a lab takes a minute each time.
const REAL_FAILURES: usize = 1;

/// Checks every law on a lab.
pub async fn check_all(way: Way, lab: &Lab) {
    let expected = plan_is_empty_after_execution(way, lab).await;
    permuted_input_gives_the_same_plan(way, lab).await;
    repeats_are_harmless(way, lab, &expected).await;
    the_most_hostile_legal_order_works(way, lab, &expected).await;
    plans_and_facts_survive_json(way, lab, &expected).await;
    failure_at_each_step_then_again_ends_in_the_same_world(way, lab, &expected).await;
}

/// One execution of the first plan leaves nothing to do. Returns what is known of the lab then: an undisturbed one.
pub async fn plan_is_empty_after_execution(way: Way, lab: &Lab) -> Facts {
    let resolved = resolved(lab);
    let world = seeded(way, lab).await;
    let first = plan(&world, &resolved).await;
    let outcome =
        phoenix_core::engine::execute(&first, world.backend.as_ref(), &Events::silent(), &Cancel::default())
            .await;
    let failures: Vec<_> =
        outcome.failed.iter().map(|failure| format!("{}: {}", failure.step, failure.error)).collect();
    assert!(outcome.is_complete(), "the first plan fails: {failures:#?}");
    let second = plan(&world, &resolved).await;
    assert!(second.is_empty(), "after the first plan there is more to do: {}", listing(&second));
    portrait(&world, &resolved).await
}

/// The order in which features are named does not reach the plan.
pub async fn permuted_input_gives_the_same_plan(way: Way, lab: &Lab) {
    let mut permuted = lab.clone();
    for declared in permuted.desired.resources.values_mut() {
        declared.features.reverse();
    }
    let world = seeded(way, lab).await;
    let (one, other) = (plan(&world, &resolved(lab)).await, plan(&world, &resolved(&permuted)).await);
    assert_eq!(listing(&one), listing(&other));
    assert_eq!(one, other);
}

/// Every action may be performed twice.
pub async fn repeats_are_harmless(way: Way, lab: &Lab, expected: &Facts) {
    let resolved = resolved(lab);
    let world = seeded(way, lab).await;
    settle_by(&resolved, &world.request(), &Twice(world.backend.clone())).await;
    assert_same(&portrait(&world, &resolved).await, expected, "with every action done twice");
}

/// Steps may be performed one by one, the last possible first.
pub async fn the_most_hostile_legal_order_works(way: Way, lab: &Lab, expected: &Facts) {
    let resolved = resolved(lab);
    let world = seeded(way, lab).await;
    let plan = plan(&world, &resolved).await;
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    let mut done: BTreeSet<&StepId> = BTreeSet::new();
    while !left.is_empty() {
        let index = left
            .iter()
            .rposition(|step| step.after.iter().all(|after| done.contains(after)))
            .expect("a checked plan has a legal order");
        let step = left.remove(index);
        if let Err(error) = world.backend.perform(step, &Events::silent()).await {
            panic!("`{}` fails in a legal order: {error}", step.id);
        }
        done.insert(&step.id);
    }
    assert_same(&portrait(&world, &resolved).await, expected, "in the most hostile order");
}

/// A plan and the facts it came from are data.
pub async fn plans_and_facts_survive_json(way: Way, lab: &Lab, facts: &Facts) {
    let resolved = resolved(lab);
    let world = seeded(way, lab).await;
    let first = plan(&world, &resolved).await;
    let text = serde_json::to_string(&first).expect("a plan is JSON");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("a plan comes back"), first);
    let text = serde_json::to_string(facts).expect("facts are JSON");
    assert_eq!(serde_json::from_str::<Facts>(&text).expect("facts come back"), *facts);
}

/// Whichever step fails, before or after its effect, another run ends where an undisturbed one does.
pub async fn failure_at_each_step_then_again_ends_in_the_same_world(way: Way, lab: &Lab, expected: &Facts) {
    let resolved = resolved(lab);
    let steps = plan(&seeded(way, lab).await, &resolved).await.steps.len();
    let cases = (0..steps).flat_map(|at| [(at, When::Before), (at, When::After)]).collect();
    for (at, when) in way.some(cases, REAL_FAILURES) {
        let world = seeded(way, lab).await;
        let failing = Failing::new(world.backend.clone(), at, when);
        let (request, silent, cancel) = (world.request(), Events::silent(), Cancel::default());
        let first = converge(&resolved, &request, &failing, &silent, &cancel).await;
        let first = first.expect("a run that fails once");
        assert_eq!(first.last.failed.len(), 1, "exactly one root cause is reported");
        settle_by(&resolved, &request, world.backend.as_ref()).await;
        let found = portrait(&world, &resolved).await;
        assert_same(&found, expected, &format!("after a failure {when:?} action {at}"));
    }
}

/// Brings a lab up and insists that it settles.
pub async fn settle(resolved: &Resolved, backend: &dyn Backend) {
    settle_by(resolved, &Request::converge_all(), backend).await;
}

/// Brings about what a request asks for and insists that it settles.
async fn settle_by(resolved: &Resolved, request: &Request, backend: &dyn Backend) {
    let (silent, cancel) = (Events::silent(), Cancel::default());
    let converged = converge(resolved, request, backend, &silent, &cancel).await;
    let converged = converged.unwrap_or_else(|found| panic!("{found}"));
    let failures: Vec<_> =
        converged.last.failed.iter().map(|failure| format!("{}: {}", failure.step, failure.error)).collect();
    assert!(matches!(converged.verdict, Verdict::Settled), "{:?} {failures:#?}", converged.verdict);
}

/// Returns a plan as lines of step ids with reasons, for a message.
pub fn listing(plan: &Plan) -> String {
    plan.steps.iter().map(|step| format!("\n{} ({}) {:?}", step.id, step.reason, step.changes)).collect()
}

fn resolved(lab: &Lab) -> Resolved {
    resolve(lab).unwrap_or_else(|found| panic!("{found}"))
}

async fn seeded(way: Way, lab: &Lab) -> World {
    World { reboots: lab.reboots, ..way.seeded(lab.seed.clone()).await }
}

async fn plan(world: &World, resolved: &Resolved) -> Plan {
    world.plan(resolved).await.unwrap_or_else(|found| panic!("{found}"))
}

async fn portrait(world: &World, resolved: &Resolved) -> Facts {
    world.portrait(resolved).await.unwrap_or_else(|found| panic!("{found}"))
}

/// Insists that two worlds are the same, and shows where they are not.
pub fn assert_same(found: &Facts, expected: &Facts, when: &str) {
    let differs = |(probe, evidence): &(&Probe, &Evidence)| expected.get(probe) != Some(*evidence);
    let mut text = String::new();
    for (probe, evidence) in found.iter().filter(differs) {
        text.push_str(&format!(
            "\n{probe:?}\n   found    {evidence:?}\n   expected {:?}",
            expected.get(probe)
        ));
    }
    for (probe, evidence) in expected.iter().filter(|(probe, _)| !found.knows(probe)) {
        text.push_str(&format!("\n{probe:?}\n   missing  {evidence:?}"));
    }
    assert!(text.is_empty(), "another world {when}:{text}");
}

/// Returns a shared backend as the trait object that decorators take.
pub fn erased(world: &World) -> Arc<dyn Backend> {
    world.backend.clone()
}
