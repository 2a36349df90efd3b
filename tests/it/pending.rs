//! Changes that wait for a start, and what is told of them. They are of virtual machines: what
//! waits in a container is not asked for, because that costs a call each.

use phoenix_core::planner::Resolved;
use phoenix_tests::{
    lab::{Lab, machine},
    laws,
    world::{World, resolve},
};
use serde_json::json;

use crate::on_each_way;

async fn notes(world: &World, resolved: &Resolved) -> Vec<String> {
    let plan = world.plan(resolved).await.expect("a plan");
    assert!(plan.is_empty(), "{}", laws::listing(&plan));
    plan.notes.iter().map(|note| note.message.clone()).collect()
}

#[test]
fn a_change_that_waits_for_a_start_is_told_of_until_the_start() {
    on_each_way(async |way| {
        let mut lab = Lab::new().with("vm", machine(100), vec![]);
        let world = way.world().await;
        let before = resolve(&lab).expect("a lab");
        laws::settle(&before, world.backend.as_ref()).await;
        assert_eq!(notes(&world, &before).await, Vec::<String>::new());

        lab.edit("vm/100", |spec| spec["guest"]["cores"] = json!(4));
        let after = resolve(&lab).expect("a lab");
        laws::settle(&after, world.backend.as_ref()).await;
        assert_eq!(notes(&world, &after).await, ["`cores` of `vm/100` takes effect at the next start"]);

        world.restart(&after, "vm/100").await;
        assert_eq!(notes(&world, &after).await, Vec::<String>::new());
    });
}

#[test]
fn a_boot_order_that_somebody_changed_is_put_right() {
    on_each_way(async |way| {
        let lab = Lab::new().with("vm", machine(100), vec![]);
        let world = way.world().await;
        let resolved = resolve(&lab).expect("a lab");
        laws::settle(&resolved, world.backend.as_ref()).await;
        let path = format!("/nodes/{}/qemu/100/config", world.node.name());
        let order = vec![("boot".to_owned(), "order=net0".to_owned())];
        world.backend.client().put(&path, order).await.expect("a change");
        let plan = world.plan(&resolved).await.expect("a plan");
        let changes: Vec<_> = plan.steps.iter().flat_map(|step| &step.changes).collect();
        assert_eq!(changes.len(), 1, "{}", laws::listing(&plan));
        assert_eq!((changes[0].field.as_str(), changes[0].new.as_deref()), ("boot", Some("order=scsi0")));
    });
}
