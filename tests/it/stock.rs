//! What guests are made from, fetched before there are guests: as `phoenix setup` does it.

use phoenix_core::{
    Declared, Plan, ResourceId,
    engine::{Cancel, Events, converge, gather},
    planner::{self, Intent, Request, Resolved, Stock},
};
use phoenix_tests::{
    lab::{Lab, cloned, container, template},
    world::{World, resolve},
};
use serde_json::{Value, json};

use crate::block_on;

const FETCH: &str = "storage/fresh:guest:fetch-ubuntu-24.04-standard";

/// Two containers and a clone of the one, from a template on this storage, and the storage `fresh`, for templates too.
fn lab(storage: &str) -> Lab {
    let on = |mut spec: Value| {
        spec["guest"]["origin"]["storage"] = json!(storage);
        spec
    };
    let mut lab = Lab::new()
        .with("lxc", template(on(container(100))), Vec::new())
        .with("lxc", on(container(101)), Vec::new())
        .with("lxc", cloned(container(102), 100, "linked"), Vec::new());
    let values = json!({"type": "dir", "path": "/srv/fresh", "content": "rootdir,vztmpl"});
    let fresh = json!({"node": "phoenix", "name": "fresh", "values": values});
    lab.desired.resources.insert(ResourceId::new("storage", "fresh"), Declared::new(fresh));
    lab
}

fn request(resolved: &Resolved) -> Request {
    Request::new(resolved.apart().cloned(), Intent::Converge).with_stock(Stock::Ahead)
}

async fn plan(resolved: &Resolved, request: &Request, world: &World) -> Plan {
    let facts = gather(resolved, request, world.backend.as_ref()).await.expect("answers");
    planner::plan(resolved, request, &facts).expect("a plan")
}

fn ids(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.id.to_string()).collect()
}

#[test]
fn what_guests_are_made_from_is_fetched_once_onto_a_storage_that_the_same_plan_makes() {
    block_on(async {
        let (lab, world) = (lab("fresh"), World::new());
        let resolved = resolve(&lab).expect("a good lab");
        let request = request(&resolved);
        let first = plan(&resolved, &request, &world).await;
        assert_eq!(ids(&first).iter().filter(|id| id.contains(":fetch-")).count(), 1, "{first:#?}");
        assert_eq!(ids(&first).last().map(String::as_str), Some(FETCH), "behind the storage");
        let fetch = first.steps.last().expect("a step");
        assert!(fetch.after.iter().any(|id| id.to_string().starts_with("storage/fresh:")), "{fetch:#?}");
        assert!(ids(&first).iter().all(|id| !id.starts_with("lxc/")), "{first:#?}");

        converge(&resolved, &request, world.backend.as_ref(), &Events::silent(), &Cancel::default())
            .await
            .expect("converges");
        assert_eq!(ids(&plan(&resolved, &request, &world).await), Vec::<String>::new());
        let rest = plan(&resolved, &Request::converge_all(), &world).await;
        assert!(!ids(&rest).iter().any(|id| id.contains(":fetch-")), "{rest:#?}");
        assert!(ids(&rest).contains(&"lxc/101:guest:create".to_owned()), "{rest:#?}");
    });
}

#[test]
fn a_storage_that_nobody_has_or_makes_is_left_to_the_plan_of_the_guests() {
    block_on(async {
        let (lab, world) = (lab("nowhere"), World::new());
        let resolved = resolve(&lab).expect("a good lab");
        let ahead = plan(&resolved, &request(&resolved), &world).await;
        assert!(!ids(&ahead).iter().any(|id| id.contains(":fetch-")), "{ahead:#?}");
        let facts = gather(&resolved, &Request::converge_all(), world.backend.as_ref()).await;
        let told = match facts {
            Ok(facts) => planner::plan(&resolved, &Request::converge_all(), &facts).map(|_| ()),
            Err(found) => Err(found),
        };
        assert!(told.expect_err("a finding").to_string().contains("nowhere"));
    });
}
