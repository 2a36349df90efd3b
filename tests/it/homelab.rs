//! The example lab: its files fit the managers, its picture is the diagram's, and it comes up.

use std::{collections::BTreeSet, path::Path};

use phoenix_config::Loaded;
use phoenix_core::{
    graph::Graph,
    lifecycle::Lifecycle,
    planner::{self, Request, Resolved},
};
use phoenix_node::{NodeSeed, StorageSeed};
use phoenix_tests::{lab::Lab, laws, way::Way};

use crate::on_each_way;

pub(crate) fn load() -> Loaded {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/homelab");
    let registry = Lab::new().registry;
    let features = registry.features().map(|feature| feature.descriptor().name.clone());
    phoenix_config::load(&dir, &features.collect())
}

/// Returns the lab with all that follows from its network plane.
fn woven() -> Loaded {
    let mut loaded = load();
    let found = phoenix_net::weave(&Lab::new().registry, &mut loaded.desired);
    let is_told = |finding: &&phoenix_core::Diagnostic| &*finding.code != "feature-unavailable";
    let found: Vec<String> = found.iter().filter(is_told).map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
    loaded
}

fn resolved(loaded: &Loaded) -> Resolved {
    Resolved::new(&Lab::new().registry, &loaded.desired).unwrap_or_else(|found| panic!("{found}"))
}

pub(crate) fn seed(loaded: &Loaded) -> NodeSeed {
    let mut seed = NodeSeed::default();
    for storage in &loaded.host.storages {
        let content: Vec<&str> = storage.content.iter().map(String::as_str).collect();
        let total = storage.total_bytes.unwrap_or(1 << 40);
        seed.storages.retain(|other| other.name != storage.name);
        let mut named = StorageSeed::new(&storage.name, &storage.plugin, &content, total);
        named.definition = storage.definition.clone().unwrap_or_default();
        seed.storages.push(named);
    }
    seed.bridges.extend(loaded.host.bridges.iter().cloned());
    seed
}

#[test]
fn the_example_lab_has_no_error_and_no_warning() {
    let loaded = load();
    let said: Vec<_> = loaded
        .findings
        .iter()
        .filter(|finding| finding.severity != phoenix_core::Severity::Note)
        .map(ToString::to_string)
        .collect();
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn its_template_picture_has_exactly_the_edges_of_the_diagram() {
    let resolved = resolved(&load());
    // The diagram leaves out the gateway, the proxy and the authority (101, 102, 103) and the virtual machines.
    let provisioned = ["lxc/950", "lxc/953", "lxc/955", "lxc/910"];
    let picture = Graph::templates(&resolved).leading_to(&provisioned.map(str::to_owned).into());
    let edges: BTreeSet<(String, String)> =
        picture.edges.iter().map(|edge| (edge.from.clone(), edge.to.clone())).collect();
    let drawn = [
        ("900", "901"),
        ("900", "902"),
        ("901", "903"),
        ("903", "950"),
        ("900", "953"),
        ("901", "955"),
        ("902", "910"),
    ];
    let mut expected: BTreeSet<_> =
        drawn.iter().map(|(from, to)| (format!("lxc/{from}"), format!("lxc/{to}"))).collect();
    let base = edges.iter().find(|(_, to)| to == "lxc/900").expect("the base comes from somewhere").clone();
    assert!(base.0.contains("ubuntu-24.04-standard"), "{base:?}");
    expected.insert(base);
    assert_eq!(edges, expected);
}

#[test]
fn it_comes_up_and_a_second_run_does_nothing() {
    on_each_way(async |way| {
        // In real containers the program itself brings the lab up: `homelab` and `plane` of its own tests.
        if way == Way::Real {
            return;
        }
        let loaded = woven();
        let resolved = resolved(&loaded);
        let world = way.seeded(seed(&loaded)).await;
        laws::settle(&resolved, world.backend.as_ref()).await;
        let facts = world.facts(&resolved).await.expect("facts");
        let survey = planner::survey(&resolved, &Request::converge_all(), &facts).expect("a survey");
        assert!(survey.plan.is_empty(), "{}", laws::listing(&survey.plan));
        let guests = survey.standings.iter().filter(|standing| standing.id.guest().is_some());
        assert_eq!(guests.count(), 14);
        for standing in survey.standings {
            let is_whole = matches!(standing.lifecycle, Lifecycle::Healthy | Lifecycle::Template);
            assert!(is_whole, "{} is {}", standing.id, standing.lifecycle);
        }
    });
}
