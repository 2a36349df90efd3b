//! Firewalls end to end: the laws, what they cost, and what becomes of a change that cuts off who made it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use phoenix_core::{
    Action, Backend, Evidence, FirewallScope, Probe, Reader, Site,
    engine::{Events, Verdict},
    firewall::{FirewallState, mark},
};
use phoenix_pve::{Guard, Guarded, GuestChannel, Limits, PveBackend};
use phoenix_tests::{
    lab::{Lab, container, machine},
    laws,
    way::Way,
    world::{World, converge_with, resolve},
};
use serde_json::{Value, json};

use crate::{block_on, on_the_real_way};

const ADMIN: &str = "10.0.0.5";

fn cluster(rules: Value) -> Value {
    json!({
        "scope": "cluster",
        "options": {"enable": "1", "policy_in": "DROP", "policy_out": "ACCEPT"},
        "rules": rules,
    })
}

fn management() -> Value {
    json!({"key": "management", "direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "22,8006",
           "source": "10.0.0.0/24", "comment": "administration"})
}

/// A lab with a firewall of every scope, with names and with rules that let in and block.
fn lab() -> Lab {
    let mut of_cluster = cluster(json!([
        management(),
        {"direction": "in", "action": "ACCEPT", "source": "+clients", "proto": "udp", "dport": "53"},
        {"direction": "in", "action": "DROP", "source": "dc/printer"},
    ]));
    of_cluster["management"] = json!({"sources": ["10.0.0.0/24"]});
    of_cluster["aliases"] = json!({"printer": {"cidr": "10.0.9.1", "comment": "loud"}});
    of_cluster["ipsets"] = json!({"clients": {"entries": ["10.0.0.0/16", "!10.0.9.1"]}});
    Lab::new()
        .with("lxc", container(101), vec![])
        .with("vm", machine(1001), vec![])
        .with_firewall(of_cluster)
        .with_firewall(json!({
            "scope": "node-phoenix",
            "rules": [{"direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "2049", "source": "10.0.0.0/24"}],
            "management": {"sources": ["10.0.0.0/24"]},
        }))
        .with_firewall(of_guest("lxc-101"))
        .with_firewall(of_guest("vm-1001"))
}

fn of_guest(scope: &str) -> Value {
    json!({
        "scope": scope,
        "options": {"enable": "1", "policy_in": "DROP", "ipfilter": "1"},
        "rules": [
            {"key": "https", "direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "443"},
            {"direction": "in", "action": "ACCEPT", "macro": "Ping", "source": "10.0.0.0/24"},
        ],
    })
}

/// Returns a backend that calls from an address outside, as a host takes it.
fn from_outside(world: &World) -> PveBackend {
    let from: IpAddr = ADMIN.parse().expect("an address");
    let transport = world.node.from_outside(from);
    PveBackend::new(transport, world.channel.clone(), world.node.name(), Limits::default())
}

/// Returns the cluster's firewall, as the node itself sees it.
async fn firewall(world: &World, lab: &Lab) -> FirewallState {
    let facts = world.facts(&resolve(lab).expect("a lab")).await.expect("facts");
    facts.firewall(&FirewallScope::Cluster).expect("a firewall").clone()
}

#[test]
fn laws_hold_for_firewalls_of_every_scope() {
    block_on(laws::check_all(Way::InProcess, &lab()));
}

#[test]
fn laws_hold_for_firewalls_over_https() {
    let mut lab =
        Lab::new().with_firewall(lab().desired.resources[&FirewallScope::Cluster.resource()].spec.clone());
    // Each failure is a run of its own, and here time passes.
    lab.edit("firewall/cluster", |spec| drop(spec.as_object_mut().expect("a spec").remove("ipsets")));
    lab.edit("firewall/cluster", |spec| drop(spec["rules"].as_array_mut().expect("rules").remove(1)));
    Way::Https.block_on(laws::check_all(Way::Https, &lab));
}

#[test]
fn a_converged_firewall_is_two_calls_and_its_names_three_more() {
    block_on(async {
        let world = World::new();
        let guests = Lab::new().with("lxc", container(101), vec![]).with("vm", machine(1001), vec![]);
        let plain = guests.clone().with_firewall(of_guest("lxc-101")).with_firewall(of_guest("vm-1001"));
        let mut count = Vec::new();
        for lab in [&plain, &guests, &plain.clone().with_firewall(cluster(json!([management()]))), &lab()] {
            let resolved = resolve(lab).expect("a lab");
            world.converge(&resolved).await.expect("a run");
            let before = world.node.calls().count;
            assert!(world.plan(&resolved).await.expect("a plan").is_empty());
            count.push(world.node.calls().count - before);
        }
        let [plain, guests, with_cluster, all] = count[..] else { panic!("{count:?}") };
        assert_eq!((plain - guests, with_cluster - plain), (4, 2));
        // The node's two, and for the cluster its aliases, its sets, the one set, and its groups.
        assert_eq!(all - with_cluster, 2 + 4);
    });
}

#[test]
fn a_change_that_cuts_the_caller_off_comes_back_by_itself() {
    block_on(async {
        let world = World::new();
        // Nothing says from where the nodes are managed, so the planner sees no lock-out coming.
        let lab = Lab::new().with_firewall(cluster(json!([
            {"direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "8006", "source": "192.0.2.0/24"},
        ])));
        let before = firewall(&world, &lab).await;
        let backend = from_outside(&world);
        let resolved = resolve(&lab).expect("a lab");
        let run = converge_with(&resolved, &backend).await.expect("a run");
        assert!(matches!(run.verdict, Verdict::Failed), "{:?}", run.verdict);
        let [failure] = &run.last.failed[..] else { panic!("one cause: {:?}", run.last.failed) };
        assert_eq!(failure.step.verb(), "confirm");
        assert!(failure.error.message.contains("no new connection comes through"), "{}", failure.error);
        // Meanwhile nobody outside is let in, and everybody who looks sees that it waits.
        let cut_off = firewall(&world, &lab).await;
        assert_eq!(cut_off.options["policy_in"], "DROP");
        assert!(cut_off.rules.iter().any(|rule| mark::key(rule) == Some(mark::GUARD)));
        assert!(from_outside(&world).client().knock().await.is_err());
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert_eq!(firewall(&world, &lab).await, before, "what was there before is there again");
        from_outside(&world).client().knock().await.expect("the node lets in again");
    });
}

const MOMENT: Duration = Duration::from_secs(5);
const LOOKS: usize = 60;

#[test]
fn what_traffic_meets_comes_back_by_itself_too() {
    if !std::path::Path::new("/usr/sbin/nft").exists() {
        return println!("skipped: `nft` is not installed: `apt-get install nftables` brings it");
    }
    on_the_real_way(async |way| {
        let world = way.world().await;
        let lab = Lab::new().with_firewall(cluster(json!([
            {"direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "8006", "source": "192.0.2.0/24"},
        ])));
        let before = firewall(&world, &lab).await;
        assert_eq!(rules(&world).await, None, "a new sandbox has no rules");
        let sandbox = world.sandbox.as_ref().expect("a sandbox");
        let ping = ["ping", "-c", "1", "-W", "1", "-q", "203.0.113.1"];
        assert!(sandbox.outside(&ping, MOMENT).await, "the host answers a client outside");

        let resolved = resolve(&lab).expect("a lab");
        let run = converge_with(&resolved, &from_outside(&world)).await.expect("a run");
        let [failure] = &run.last.failed[..] else { panic!("one cause: {:?}", run.last.failed) };
        assert_eq!(failure.step.verb(), "confirm", "{}", failure.error);
        assert!(rules(&world).await.is_some(), "nftables holds the rules");
        assert!(!sandbox.outside(&ping, MOMENT).await, "the host answers nobody outside");

        // Nobody waits two minutes here: the run is over, and the rest of its time is made shorter.
        let scope = Guarded::Firewall(FirewallScope::Cluster);
        let short = Guard::Renew { seconds: 4 };
        world.channel.guard(&world.node.name(), &scope, short).await.expect("the guard is there");
        let mut looks = 0;
        while !sandbox.outside(&ping, MOMENT).await {
            looks += 1;
            assert!(looks < LOOKS, "the firewall does not come back");
        }
        assert_eq!(firewall(&world, &lab).await, before);
        assert_eq!(rules(&world).await, None);
        from_outside(&world).client().knock().await.expect("the node lets in again");
    });
}

/// Returns the rules of the node's firewall that nftables holds, if it holds any.
async fn rules(world: &World) -> Option<String> {
    let site = Site::Host(world.node.name().into());
    let asked = Probe::command(&site, ["nft", "list", "tables"]);
    match &world.backend.read(&[asked]).await[..] {
        [Ok(Evidence::Output { status: 0, stdout, .. })] => {
            stdout.contains("phoenix_firewall").then(|| stdout.clone())
        }
        answers => panic!("{answers:?}"),
    }
}

#[test]
fn a_change_that_lets_the_caller_in_is_confirmed_and_stays() {
    block_on(async {
        let world = World::new();
        let lab = Lab::new().with_firewall(cluster(json!([management()])));
        let resolved = resolve(&lab).expect("a lab");
        let run = converge_with(&resolved, &from_outside(&world)).await.expect("a run");
        assert!(matches!(run.verdict, Verdict::Settled), "{:?} {:?}", run.verdict, run.last.failed);
        let after = firewall(&world, &lab).await;
        assert_eq!((after.rules.len(), after.options["policy_in"].as_str()), (1, "DROP"));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(firewall(&world, &lab).await, after);
        assert!(
            world
                .node
                .from_outside("192.0.2.7".parse().expect("an address"))
                .send_anew(version())
                .await
                .is_err()
        );
    });
}

fn version() -> phoenix_pve::Request {
    phoenix_pve::Request { method: phoenix_pve::Method::Get, path: "/version".to_owned(), params: Vec::new() }
}

#[test]
fn a_run_that_ends_before_it_confirms_is_finished_by_the_next_or_undone() {
    block_on(async {
        let lab = Lab::new().with_firewall(cluster(json!([management()])));
        let resolved = resolve(&lab).expect("a lab");
        let abandoned = async || {
            let world = World::new();
            let plan = world.plan(&resolved).await.expect("a plan");
            let is_end = |action: &Action| {
                matches!(
                    action,
                    Action::Firewall { change: phoenix_core::firewall::FirewallChange::Confirm, .. }
                )
            };
            for step in plan.steps.iter().filter(|step| !is_end(&step.action)) {
                world.backend.perform(step, &Events::silent()).await.expect("a step");
            }
            world
        };
        let world = abandoned().await;
        let left = world.plan(&resolved).await.expect("a plan");
        assert_eq!(left.steps.iter().map(|step| step.id.verb()).collect::<Vec<_>>(), ["confirm"]);
        laws::settle(&resolved, world.backend.as_ref()).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(world.plan(&resolved).await.expect("a plan").is_empty(), "what was confirmed stays");

        let world = abandoned().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(firewall(&world, &lab).await, firewall(&World::new(), &lab).await, "it is undone");
        laws::settle(&resolved, world.backend.as_ref()).await;
    });
}

#[test]
fn without_a_way_into_the_node_nothing_of_it_is_changed_unless_the_user_says_so() {
    block_on(async {
        let world = World::new();
        let lab = Lab::new().with_firewall(cluster(json!([management()])));
        let resolved = resolve(&lab).expect("a lab");
        let far = |limits| {
            PveBackend::new(world.node.clone(), Arc::new(phoenix_pve::Far), world.node.name(), limits)
        };
        let run = converge_with(&resolved, &far(Limits::default())).await.expect("a run");
        let [failure] = &run.last.failed[..] else { panic!("one cause: {:?}", run.last.failed) };
        assert_eq!(failure.step.verb(), "guard");
        assert!(failure.error.hint.as_ref().is_some_and(|hint| hint.contains("--firewall-unguarded")));
        assert!(firewall(&world, &lab).await.rules.is_empty());
        let limits = Limits { unguarded_firewall: true, ..Limits::default() };
        laws::settle(&resolved, &far(limits)).await;
    });
}

#[test]
fn what_is_not_declared_any_more_is_taken_away_and_what_others_made_stays() {
    block_on(async {
        let world = World::new();
        let path = "/cluster/firewall/rules".to_owned();
        let theirs = [("type", "in"), ("action", "ACCEPT"), ("enable", "1"), ("comment", "theirs")];
        let theirs = theirs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        world.backend.client().post(&path, theirs).await.expect("a rule");
        let full = lab();
        world.converge(&resolve(&full).expect("a lab")).await.expect("a run");
        assert_eq!(firewall(&world, &full).await.rules.len(), 4);
        let mut empty = full.clone();
        for scope in ["cluster", "node-phoenix", "lxc-101", "vm-1001"] {
            empty.edit(&format!("firewall/{scope}"), |spec| {
                *spec = json!({"scope": scope, "management": {"sources": ["10.0.0.0/24"]}});
                if !matches!(scope, "cluster" | "node-phoenix") {
                    spec.as_object_mut().expect("a spec").remove("management");
                }
            });
        }
        let resolved = resolve(&empty).expect("a lab");
        laws::settle(&resolved, world.backend.as_ref()).await;
        let left = world.facts(&resolved).await.expect("facts");
        for scope in ["cluster", "node-phoenix", "lxc-101", "vm-1001"] {
            let scope: FirewallScope = scope.parse().expect("a scope");
            let rules = &left.firewall(&scope).expect("a firewall").rules;
            assert_eq!(rules.len(), usize::from(scope == FirewallScope::Cluster), "{scope}: {rules:?}");
        }
        let aliases =
            world.backend.client().get("/cluster/firewall/aliases", Vec::new()).await.expect("a list");
        assert_eq!(aliases, json!([]));
    });
}
