//! Layers: what a change below does above, and what a rebuild makes anew.

use std::collections::BTreeSet;

use phoenix_core::{
    Diagnostics, Plan, ResourceId,
    engine::{Cancel, Events, Verdict, converge, gather},
    planner::{self, Intent, Rebuild, Request, Resolved},
};
use phoenix_tests::{
    lab::{Lab, base_setup, cloned, container, template},
    laws,
    world::{World, resolve},
};
use serde_json::json;

use crate::on_each_way;

/// A template, a template cloned from it, a linked clone of that, a full clone of the first, and one that stands alone.
fn lab(package: &str) -> Lab {
    Lab::new()
        .with("lxc", template(container(900)), vec![base_setup(json!({"packages": [package]}))])
        .with("lxc", template(cloned(container(901), 900, "full")), vec![])
        .with("lxc", cloned(container(101), 901, "linked"), vec![])
        .with("lxc", cloned(container(102), 900, "full"), vec![])
        .with("lxc", container(103), vec![])
}

fn resolved(lab: &Lab) -> Resolved {
    resolve(lab).unwrap_or_else(|found| panic!("{found}"))
}

fn ids(vmids: &[u32]) -> BTreeSet<ResourceId> {
    vmids.iter().map(|vmid| ResourceId::new("lxc", &vmid.to_string())).collect()
}

fn rebuild(which: Rebuild) -> Request {
    Request::new([], Intent::Rebuild(which))
}

async fn plan(world: &World, resolved: &Resolved, request: &Request) -> Result<Plan, Diagnostics> {
    let facts = gather(resolved, request, world.backend.as_ref()).await?;
    planner::plan(resolved, request, &facts)
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().filter(|step| step.id.verb() == "delete").map(|step| step.resource.name()).collect()
}

#[test]
fn a_change_below_is_named_above_and_changes_nothing_by_itself() {
    on_each_way(async |way| {
        let world = way.world().await;
        laws::settle(&resolved(&lab("curl")), world.backend.as_ref()).await;
        let plan = plan(&world, &resolved(&lab("git")), &Request::converge_all()).await.expect("a plan");
        assert!(plan.is_empty(), "{}", laws::listing(&plan));
        let notes: Vec<_> = plan.notes.iter().map(|note| note.message.as_str()).collect();
        assert_eq!(
            notes,
            [
                "`lxc/101` was cloned from an older `lxc/901`",
                "`lxc/102` was cloned from an older `lxc/900`",
                "`lxc/900` has other features than are wanted now",
                "`lxc/901` was cloned from an older `lxc/900`",
            ]
        );
    });
}

#[test]
fn a_rebuild_makes_exactly_the_named_ones_anew_and_then_nothing_is_outdated() {
    on_each_way(async |way| {
        let world = way.world().await;
        laws::settle(&resolved(&lab("curl")), world.backend.as_ref()).await;
        let after = resolved(&lab("git"));
        let request = rebuild(Rebuild::Outdated);
        let planned = plan(&world, &after, &request).await.expect("a plan");
        // The linked clone goes before its base; a clone that stands alone goes when what replaces it can be made.
        assert_eq!(deleted(&planned), ["900", "102", "101", "901"]);
        let run = converge(&after, &request, world.backend.as_ref(), &Events::silent(), &Cancel::default())
            .await
            .expect("a run");
        assert!(matches!(run.verdict, Verdict::Settled), "{:?}", run.last.failed);
        let last = plan(&world, &after, &Request::converge_all()).await.expect("a plan");
        assert!(last.is_empty() && last.notes.is_empty(), "{}\n{}", laws::listing(&last), last.notes);
        let fresh = way.world().await;
        laws::settle(&after, fresh.backend.as_ref()).await;
        let (found, expected) =
            (world.portrait(&after).await.expect("facts"), fresh.portrait(&after).await.expect("facts"));
        laws::assert_same(&found, &expected, "after a rebuild");
    });
}

#[test]
fn a_base_with_a_linked_clone_that_stays_is_not_deleted() {
    on_each_way(async |way| {
        let world = way.world().await;
        laws::settle(&resolved(&lab("curl")), world.backend.as_ref()).await;
        let after = resolved(&lab("git"));
        let refused = plan(&world, &after, &rebuild(Rebuild::Named(ids(&[900, 901])))).await;
        let refused = refused.expect_err("the linked clone would lose its base").to_string();
        assert!(
            refused.contains("`lxc/901` cannot be made anew: `lxc/101` is a linked clone of it"),
            "{refused}"
        );
    });
}

#[test]
fn a_clone_is_not_made_anew_from_a_parent_that_is_old_itself() {
    on_each_way(async |way| {
        let world = way.world().await;
        laws::settle(&resolved(&lab("curl")), world.backend.as_ref()).await;
        let after = resolved(&lab("git"));
        let refused = plan(&world, &after, &rebuild(Rebuild::Named(ids(&[102])))).await;
        let refused = refused.expect_err("it would be as old as before").to_string();
        assert!(refused.contains("`lxc/102` would be made anew from `lxc/900`"), "{refused}");
    });
}

#[test]
fn a_clone_made_of_an_old_template_says_so() {
    on_each_way(async |way| {
        let world = way.world().await;
        let mut before = lab("curl");
        before.desired.resources.retain(|id, _| id.name() == "900");
        laws::settle(&resolved(&before), world.backend.as_ref()).await;
        let after = resolved(&lab("git"));
        laws::settle(&after, world.backend.as_ref()).await;
        let plan = plan(&world, &after, &Request::converge_all()).await.expect("a plan");
        assert!(plan.is_empty(), "{}", laws::listing(&plan));
        let notes = plan.notes.to_string();
        assert!(notes.contains("`lxc/102` was cloned from an older `lxc/900`"), "{notes}");
    });
}
