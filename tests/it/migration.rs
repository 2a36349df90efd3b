//! Nodes: a guest is worked on where it is, and brought to the node that its spec names only on request.

use phoenix_core::{
    Action, Evidence, Facts, GuestId, Plan, Probe,
    evidence::NodeRow,
    planner::{self, Request, Strays},
};
use phoenix_tests::{
    lab::{Lab, container, machine},
    laws,
    way::Way,
    world::{World, resolve},
};
use serde_json::json;

use crate::{block_on, on_each_way};

fn lab(node: &str) -> Lab {
    let mut lab = Lab::new().with("lxc", container(101), vec![]).with("vm", machine(201), vec![]);
    for id in ["lxc/101", "vm/201"] {
        lab.edit(id, |spec| spec["guest"]["node"] = json!(node));
    }
    lab
}

/// Returns the facts of a world in which everything is done, in a cluster of these nodes besides. They are made up, on
/// each way: an embedded node has no other to bring guests to.
async fn settled(way: Way, nodes: &[(&str, bool)]) -> (Facts, String) {
    let world = way.world().await;
    let here = world.node.name();
    let resolved = resolve(&lab(&here)).unwrap_or_else(|found| panic!("{found}"));
    laws::settle(&resolved, world.backend.as_ref()).await;
    let mut facts = world.facts(&resolved).await.unwrap_or_else(|found| panic!("{found}"));
    let row = |&(name, online): &(&str, bool)| NodeRow { name: name.to_owned(), online, cores: 4, memory: 0 };
    let own = row(&(&here, true));
    facts.insert(Probe::Nodes, Evidence::Nodes { rows: nodes.iter().map(row).chain([own]).collect() });
    (facts, here)
}

fn plan(node: &str, strays: Strays, facts: &Facts) -> Plan {
    let resolved = resolve(&lab(node)).unwrap_or_else(|found| panic!("{found}"));
    let request = Request::converge_all().with_strays(strays);
    planner::plan(&resolved, &request, facts).unwrap_or_else(|found| panic!("{found}"))
}

fn said(plan: &Plan) -> Vec<String> {
    plan.notes.iter().map(|note| format!("{}: {}", note.code, note.message)).collect()
}

#[test]
fn a_stray_is_told_of_and_only_brought_back_on_request() {
    on_each_way(async |way| {
        let guests = [GuestId::lxc(101), GuestId::vm(201)];
        let (facts, here) = settled(way, &[("pve2", true)]).await;
        let stays = plan("pve2", Strays::Stay, &facts);
        assert!(stays.is_empty(), "{}", laws::listing(&stays));
        let told = |id: &GuestId| format!("stray-guest: `{id}` is on `{here}` and wanted on `pve2`");
        assert_eq!(said(&stays), guests.iter().map(told).collect::<Vec<_>>());
        let moves = plan("pve2", Strays::Migrate, &facts);
        let actions: Vec<_> = moves.steps.iter().map(|step| step.action.clone()).collect();
        let to = |guest: &GuestId| Action::Migrate { guest: *guest, target: "pve2".to_owned() };
        assert_eq!(actions, guests.iter().map(to).collect::<Vec<_>>());
        assert_eq!(said(&moves), Vec::<String>::new());
        let at_home = plan(&here, Strays::Migrate, &facts);
        assert!(at_home.is_empty() && at_home.notes.is_empty(), "{}", laws::listing(&at_home));
    });
}

#[test]
fn nothing_is_brought_to_a_node_that_is_not_there() {
    on_each_way(async |way| {
        let (facts, here) = settled(way, &[("pve2", false)]).await;
        for (node, what) in [("pve2", "is not online"), ("pve3", "is not in the cluster")] {
            let plan = plan(node, Strays::Migrate, &facts);
            assert!(plan.is_empty(), "{}", laws::listing(&plan));
            let told = format!("node-unavailable: `lxc/101` stays on `{here}`: its node `{node}` {what}");
            assert_eq!(said(&plan)[0], told);
        }
    });
}

#[test]
fn nothing_is_made_on_a_node_that_is_not_there() {
    block_on(async {
        let world = World::new();
        let resolved = resolve(&lab("pve3")).unwrap_or_else(|found| panic!("{found}"));
        let refused = world.plan(&resolved).await.expect_err("no such node");
        let text = refused.to_string();
        assert!(text.contains("`lxc/101` cannot be made: its node `pve3` is not in the cluster"), "{text}");
    });
}
