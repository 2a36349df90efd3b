//! Who manages the nodes is not locked out: refused where it is seen, under a guard where it is not.

use phoenix_core::{Action, Evidence, FirewallScope, Manager, Probe, Severity, firewall::FirewallChange};
use phoenix_net::{Firewall, FirewallSpec};
use serde_json::{Value, json};

use crate::pve::{Pve, of, rule, wanted};

fn cluster(rules: &[&str]) -> FirewallSpec {
    let rules: Vec<Value> = rules.iter().map(|text| wanted(text)).collect();
    of(json!({
        "scope": "cluster",
        "options": {"enable": "1", "policy_in": "DROP"},
        "rules": rules,
        "management": {"sources": ["10.0.0.0/24"]},
    }))
}

fn refusal(pve: &Pve, spec: &FirewallSpec) -> String {
    let found = pve.plan(spec).expect_err("it locks out");
    let lockout = found.iter().find(|finding| &*finding.code == "firewall-lockout").expect("a lock-out");
    assert_eq!(lockout.severity, Severity::Error);
    lockout.message.clone()
}

#[test]
fn a_firewall_that_does_not_let_the_management_in_is_refused_and_the_blocker_named() {
    let pve = Pve::default();
    let message = refusal(&pve, &cluster(&[]));
    assert!(
        message.contains("`10.0.0.0/24` would not reach port 22")
            && message.contains("`policy_in` is `DROP`")
    );
    let message = refusal(&pve, &cluster(&["in ACCEPT dport=22"]));
    assert!(message.contains("port 8006"), "{message}");
    let message = refusal(
        &pve,
        &cluster(&["in DROP source=10.0.0.128/25 comment=no-guests", "in ACCEPT dport=22,8006"]),
    );
    assert!(message.contains("rule 0 (`in DROP from 10.0.0.128/25`, no-guests) of the cluster"), "{message}");
    pve.plan(&cluster(&["in ACCEPT dport=22,8006 source=10.0.0.0/16"])).expect("a plan");
}

#[test]
fn a_rule_of_somebody_else_can_lock_out_and_can_let_in() {
    let spec = cluster(&["in ACCEPT dport=22,8006"]);
    let mut pve = Pve::default();
    pve.apply(&pve.plan(&spec).expect("a plan"));
    pve.state.rules.insert(0, rule("in REJECT dport=8006 comment=theirs"));
    // Nothing is to be changed: that it is so is said, and the rest of the plan goes on.
    let planned = pve.plan(&spec).expect("a warning alone");
    let warning = planned.notes.iter().find(|note| &*note.code == "firewall-lockout").expect("a warning");
    assert_eq!((warning.severity, planned.steps.len()), (Severity::Warning, 0));
    let message = refusal(&pve, &cluster(&["in ACCEPT dport=22,8006 source=10.0.0.0/24"]));
    assert!(message.contains("rule 0 (`in REJECT tcp 8006`, theirs)"), "{message}");
    Pve::with_others(&["in ACCEPT source=10.0.0.0/8"]).plan(&cluster(&[])).expect("somebody lets it in");
}

#[test]
fn a_node_s_own_rules_must_not_block_either() {
    let node = |rules: &[&str]| {
        let rules: Vec<Value> = rules.iter().map(|text| wanted(text)).collect();
        of(json!({"scope": "node-pve1", "rules": rules, "management": {"sources": ["10.0.0.0/24"]}}))
    };
    let scope: FirewallScope = "node-pve1".parse().unwrap();
    let plan = |pve: &Pve, cluster: &Pve, spec: &FirewallSpec| {
        let mut facts = pve.facts(&scope);
        let probe = Probe::Firewall { scope: FirewallScope::Cluster };
        facts.insert(probe, Evidence::Firewall(cluster.state.clone()));
        let found = Firewall.observe(&scope.resource(), &facts).unwrap();
        Firewall.plan(&scope.resource(), Some(spec), found.as_ref(), &facts)
    };
    let off = Pve::default();
    plan(&off, &off, &node(&["in DROP dport=25"])).expect("nothing that the management needs");
    let refused = plan(&off, &off, &node(&["in DROP dport=22"])).expect_err("it would block once it is on");
    assert!(refused.0[0].message.contains("rule 0 (`in DROP tcp 22`) of the node"), "{refused}");
    // The only rule that lets in behind the cluster's policy must not go.
    let mut on = Pve::default();
    on.state.options.insert("enable".to_owned(), "1".to_owned());
    let mut here = Pve::default();
    here.apply(&plan(&here, &off, &node(&["in ACCEPT dport=22,8006"])).expect("a plan"));
    plan(&here, &on, &node(&["in ACCEPT dport=22,8006"])).expect("it lets in");
    let refused = plan(&here, &on, &node(&[])).expect_err("nothing would let in");
    assert_eq!(&*refused.0[0].code, "firewall-lockout");
}

#[test]
fn a_change_that_is_in_force_at_once_stands_between_guard_and_confirmation() {
    let spec = cluster(&["in ACCEPT dport=22,8006"]);
    let mut pve = Pve::default();
    let planned = pve.plan(&spec).expect("a plan");
    assert_eq!(Pve::verbs(&planned), ["guard", "insert-in-accept-tcp-22-8006", "options", "confirm"]);
    for pair in planned.steps.windows(2) {
        assert!(pair[1].after.contains(&pair[0].id));
    }
    let Action::Firewall { change: FirewallChange::Guard { seconds, .. }, .. } = planned.steps[0].action
    else {
        panic!("no guard")
    };
    assert!(seconds >= 120);
    // A run that ends before it confirms is finished by the next.
    pve.apply(&phoenix_core::manager::Planned { steps: planned.steps[..3].to_vec(), ..planned });
    let planned = pve.plan(&spec).expect("a plan");
    assert_eq!(Pve::verbs(&planned), ["confirm"]);
    pve.apply(&planned);
    assert_eq!(pve.plan(&spec).expect("a plan").steps, []);
    // What is switched off cuts nobody off.
    let off = of(
        json!({"scope": "cluster", "rules": [wanted("in DROP")], "management": {"sources": ["10.0.0.1"]}}),
    );
    assert_eq!(Pve::verbs(&Pve::default().plan(&off).expect("a plan")), ["insert-in-drop"]);
}

#[test]
fn a_firewall_without_names_is_two_questions_and_one_with_them_asks_for_them() {
    let scope = FirewallScope::Cluster;
    let id = scope.resource();
    let spec = cluster(&["in ACCEPT dport=22,8006"]);
    let mut pve = Pve::default();
    pve.apply(&pve.plan(&spec).expect("a plan"));
    let firewall = Probe::Firewall { scope: scope.clone() };
    let names = Probe::FirewallNames { scope: scope.clone() };
    assert_eq!(
        Firewall.probes(&id, Some(&spec), &pve.facts(&scope)).as_slice(),
        std::slice::from_ref(&firewall)
    );
    let named = cluster(&["in ACCEPT source=+admins"]);
    assert!(Firewall.probes(&id, Some(&named), &pve.facts(&scope)).contains(&names));
    // What a former declaration has left is found by the rule that uses it.
    let mut facts = pve.facts(&scope);
    pve.state.rules[0].insert("source".to_owned(), "dc/office".to_owned());
    facts.insert(firewall, Evidence::Firewall(pve.state.clone()));
    assert!(Firewall.probes(&id, Some(&spec), &facts).contains(&names));
    let guest = "firewall/lxc-101".parse().unwrap();
    let of_guest = crate::pve::spec(&["in ACCEPT"]);
    assert_eq!(Firewall.probes(&guest, Some(&of_guest), &Default::default()), [Probe::Guests]);
}
