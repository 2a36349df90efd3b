//! Plans of rules: what changes costs, and nothing else does.

use phoenix_core::{Severity, firewall::mark};
use phoenix_net::FirewallSpec;
use serde_json::json;

use crate::pve::{Pve, of, rule, spec};

const THREE: [&str; 3] =
    ["in ACCEPT dport=22", "in ACCEPT dport=443 comment=web", "in DROP source=10.9.0.0/16"];

/// Returns the firewall of a spec.
fn settled(mut pve: Pve, spec: &FirewallSpec) -> Pve {
    let planned = pve.plan(spec).expect("a plan");
    pve.apply(&planned);
    assert_eq!(pve.plan(spec).expect("a plan").steps, [], "nothing is left to do");
    pve.writes = 0;
    pve
}

/// Plans and carries out, and returns the steps' verbs and how many calls changed rules.
fn change(pve: &mut Pve, spec: &FirewallSpec) -> (Vec<String>, usize) {
    let planned = pve.plan(spec).expect("a plan");
    pve.apply(&planned);
    assert_eq!(pve.plan(spec).expect("a plan").steps, []);
    (Pve::verbs(&planned), std::mem::take(&mut pve.writes))
}

#[test]
fn a_new_firewall_is_a_call_a_rule_and_what_blocks_comes_last() {
    let mut pve = Pve::default();
    let (verbs, writes) = change(&mut pve, &spec(&THREE[..2]));
    assert_eq!(verbs, ["insert-in-accept-tcp-443", "insert-in-accept-tcp-22"]);
    assert_eq!(writes, 2);
    assert_eq!(pve.own(), [rule(THREE[0]), rule(THREE[1])]);
    assert_eq!(pve.state.rules[1]["comment"], "web [phoenix:in-accept-tcp-443]");
    let planned = Pve::default().plan(&spec(&THREE)).expect("a plan");
    assert_eq!(Pve::verbs(&planned).last().map(String::as_str), Some("insert-in-drop-10.9.0.0-16"));
}

#[test]
fn a_changed_port_is_one_call_and_so_is_a_removed_rule() {
    let mut pve = settled(Pve::default(), &spec(&THREE));
    let (verbs, writes) = change(&mut pve, &spec(&[THREE[0], "in ACCEPT dport=8443 comment=web", THREE[2]]));
    assert_eq!((verbs.as_slice(), writes), (&["update-in-accept-tcp-443".to_owned()][..], 1));
    assert_eq!(pve.state.rules[1]["dport"], "8443");
    let (verbs, writes) = change(&mut pve, &spec(&[THREE[0], THREE[2]]));
    assert_eq!((verbs.as_slice(), writes), (&["remove-in-accept-tcp-443".to_owned()][..], 1));
}

#[test]
fn an_added_rule_is_one_step_wherever_it_stands() {
    let new = "in ACCEPT dport=53 proto=udp";
    for at in 0..=3 {
        let mut pve = settled(Pve::default(), &spec(&THREE));
        let mut rules = THREE.to_vec();
        rules.insert(at, new);
        let (verbs, writes) = change(&mut pve, &spec(&rules));
        assert_eq!(verbs, ["insert-in-accept-udp-53"]);
        // Proxmox VE adds at the top alone: everywhere else a rule comes by a move.
        assert_eq!(writes, if at == 0 { 1 } else { 2 });
        assert_eq!(pve.own(), rules.iter().map(|text| rule(text)).collect::<Vec<_>>());
    }
}

#[test]
fn a_key_keeps_a_rule_whatever_else_of_it_changes() {
    let keyed = |port: &str, source: &str| {
        of(json!({"scope": "lxc-101", "rules": [
            {"key": "web", "direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": port, "source": source},
        ]}))
    };
    let mut pve = settled(Pve::default(), &keyed("443", "10.0.0.0/24"));
    let (verbs, writes) = change(&mut pve, &keyed("8443", "10.1.0.0/24"));
    assert_eq!((verbs.as_slice(), writes), (&["update-web".to_owned()][..], 1));
}

#[test]
fn rules_of_others_keep_their_place_and_are_told_of() {
    let others = ["in ACCEPT source=192.0.2.1", "out DROP dport=25", "in ACCEPT source=192.0.2.1"];
    let mut pve = settled(Pve::with_others(&others), &spec(&THREE));
    let before = pve.others();
    change(&mut pve, &spec(&[THREE[2], THREE[0]]));
    assert_eq!(pve.others(), before);
    // Somebody adds one at the top, as the web interface does: that moves nothing.
    pve.state.rules.insert(0, rule("in DROP source=192.0.2.9"));
    let planned = pve.plan(&spec(&[THREE[2], THREE[0]])).expect("a plan");
    assert_eq!(planned.steps, []);
    let note = planned.notes.iter().find(|note| &*note.code == "firewall-foreign-rules").expect("a note");
    assert_eq!((note.severity, note.message.contains("4 rules")), (Severity::Note, true));
    // Without rules of its own, Phoenix leaves what it has found.
    change(&mut pve, &spec(&[]));
    assert_eq!(pve.others(), pve.state.rules);
}

#[test]
fn a_rule_that_somebody_changed_is_changed_back_and_one_that_he_copied_is_his() {
    let mut pve = settled(Pve::default(), &spec(&THREE));
    pve.state.rules[0].insert("enable".to_owned(), "0".to_owned());
    pve.state.rules[0].insert("icmp-type".to_owned(), "any".to_owned());
    let planned = pve.plan(&spec(&THREE)).expect("a plan");
    assert_eq!(Pve::verbs(&planned), ["update-in-accept-tcp-22"]);
    pve.apply(&planned);
    assert_eq!(pve.own()[0], rule(THREE[0]));
    let copy = pve.state.rules[0].clone();
    pve.state.rules.push(copy);
    assert_eq!(pve.plan(&spec(&THREE)).expect("a plan").steps, []);
}

#[test]
fn names_are_made_before_the_rules_that_use_them_and_go_after_those() {
    let named = of(json!({
        "scope": "lxc-101",
        "rules": [{"direction": "in", "action": "ACCEPT", "source": "+clients", "dest": "guest/gateway"}],
        "aliases": {"gateway": {"cidr": "10.0.0.153/32", "comment": "nginx"}},
        "ipsets": {"clients": {"entries": ["10.0.0.0/24", "!10.0.0.9/32"]}},
        "options": {"enable": "1"},
    }));
    let mut pve = Pve::default();
    pve.names.aliases.insert("theirs".to_owned(), Default::default());
    let (verbs, _) = change(&mut pve, &named);
    assert_eq!(
        verbs,
        ["alias-gateway", "ipset-clients", "insert-in-accept--clients-guest-gateway", "options"]
    );
    assert_eq!(pve.names.aliases["gateway"].cidr, "10.0.0.153");
    assert!(mark::is_plain(&pve.names.ipsets["clients"].comment));
    let (verbs, _) = change(&mut pve, &spec(&[]));
    assert_eq!(
        verbs,
        ["remove-in-accept--clients-guest-gateway", "remove-alias-gateway", "remove-ipset-clients"]
    );
    assert_eq!(pve.names.aliases.keys().collect::<Vec<_>>(), ["theirs"]);
    let taken = of(json!({"scope": "lxc-101", "aliases": {"Theirs": {"cidr": "10.0.0.1"}}}));
    let refused = pve.plan(&taken).expect_err("somebody else's name");
    assert_eq!(&*refused.0[0].code, "firewall-name-taken");
}

#[test]
fn options_that_are_not_declared_stay_and_what_closes_comes_last() {
    let on = |enable: &str| {
        of(json!({"scope": "lxc-101", "options": {"enable": enable, "policy_in": "ACCEPT"},
                  "rules": [{"direction": "in", "action": "ACCEPT"}]}))
    };
    let mut pve = Pve::default();
    pve.state.options.insert("dhcp".to_owned(), "1".to_owned());
    assert_eq!(change(&mut pve, &on("1")).0, ["insert-in-accept", "options"]);
    assert_eq!(pve.state.options["dhcp"], "1");
    pve.state.rules.clear();
    assert_eq!(change(&mut pve, &on("0")).0, ["options", "insert-in-accept"]);
}

#[test]
fn what_is_wrong_with_a_spec_is_told_rule_by_rule() {
    let wrong = of(json!({"scope": "node-pve1", "aliases": {"a": {"cidr": "10.0.0.1"}}, "rules": [
        {"direction": "in", "action": "PERHAPS"},
        {"direction": "in", "action": "ACCEPT", "dport": "443"},
        {"direction": "group", "action": "DROP"},
        {"key": "a", "direction": "in", "action": "ACCEPT"},
        {"key": "a", "direction": "in", "action": "ACCEPT"},
        {"key": "guard", "direction": "in", "action": "ACCEPT"},
        {"direction": "forward", "action": "REJECT"},
    ]}));
    let refused = Pve::default().plan(&wrong).expect_err("a refusal");
    let places: Vec<_> =
        refused.iter().map(|d| d.place.as_ref().map_or("", |place| place.path.as_str())).collect();
    assert_eq!(places, ["/rules/0", "/rules/1", "/rules/2", "/rules/4", "/rules/5", "/rules/6", ""]);
    assert!(refused.iter().all(|finding| &*finding.code == "firewall-rule" && finding.hint.is_some()));
}
