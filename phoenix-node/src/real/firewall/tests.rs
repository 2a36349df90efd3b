//! What states come to: whole texts, and what of each part must never be in one.

use std::{collections::BTreeSet, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use super::{
    macros::MACROS,
    ruleset::{Ruleset, compile},
    scene::{Net, Scene, nets},
    words::{ICMP, ICMP6, PROTOCOLS, SERVICES},
};
use crate::state::{firewall::Firewalls, guest::Guest};

fn card(vmid: u32, value: &str) -> Vec<Net> {
    let mut guest = Guest::reserved(phoenix_core::GuestKind::Lxc, vmid, "");
    guest.config.insert("net0".to_owned(), value.to_owned());
    nets(&guest)
}

fn compiled(firewalls: &Value, nets: Vec<Net>) -> Ruleset {
    let firewalls: Firewalls = serde_json::from_value(firewalls.clone()).expect("are firewalls");
    let local = vec!["10.0.0.0/24".parse().expect("is a network")];
    compile(&Scene { firewalls: &firewalls, node: "pve", local, nets })
}

/// Returns the rules of a chain, from the text.
fn chain(rules: &Ruleset, name: &str) -> Vec<String> {
    let head = format!("    chain {name} {{");
    let lines = rules.text.lines().skip_while(|line| *line != head).skip(1);
    lines.take_while(|line| *line != "    }").map(|line| line.trim().to_owned()).collect()
}

fn homelab() -> (Value, Vec<Net>) {
    let firewalls = json!({
        "cluster": {
            "options": { "enable": 1 },
            "rules": [
                { "type": "in", "action": "ACCEPT", "macro": "DNS", "source": "dc/lab", "enable": 1 },
                { "type": "in", "action": "DROP", "proto": "tcp", "dport": "9", "enable": 0 },
                { "type": "group", "action": "watch", "iface": "vmbr0", "enable": 1 },
            ],
            "aliases": {
                "lab": { "name": "lab", "cidr": "10.0.0.0/24" },
                "router": { "name": "Router", "cidr": "10.0.0.12" },
            },
            "ipsets": {
                "management": { "entries": { "10.9.0.0/16": {}, "10.9.1.0/24": { "nomatch": true } } },
                "friends": { "entries": { "router": {}, "fd00::/64": {} } },
            },
        },
        "groups": {
            "watch": { "rules": [
                { "type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "9100", "source": "router", "enable": 1 },
                { "type": "out", "action": "REJECT", "proto": "udp", "dport": "514", "enable": 1 },
            ] },
        },
        "nodes": { "pve": { "rules": [
            { "type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "2049", "source": "10.0.0.10-10.0.0.20", "enable": 1 },
        ] } },
        "guests": {
            "101": {
                "options": { "enable": 1, "ipfilter": 1, "policy_out": "REJECT" },
                "rules": [
                    { "type": "in", "action": "ACCEPT", "macro": "Web", "enable": 1 },
                    { "type": "group", "action": "watch", "iface": "net1", "enable": 1 },
                    { "type": "out", "action": "ACCEPT", "proto": "tcp", "dest": "+friends", "dport": "80,443", "enable": 1 },
                ],
            },
            "102": {
                "options": { "enable": 1, "dhcp": 0, "ndp": 0, "macfilter": 0, "policy_in": "ACCEPT" },
                "rules": [{ "type": "group", "action": "watch", "enable": 1 }],
            },
            "103": { "options": { "enable": 0 } },
        },
    });
    let mut nets =
        card(101, "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.153/24,type=veth");
    nets.extend(card(
        102,
        "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:00:02,ip=10.0.0.12/24,type=veth",
    ));
    nets.extend(card(
        103,
        "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:00:03,ip=10.0.0.10/24,type=veth",
    ));
    (firewalls, nets)
}

#[test]
fn a_lab_comes_to_this_text() {
    let (firewalls, nets) = homelab();
    let rules = compiled(&firewalls, nets);
    assert_eq!(rules.warnings, BTreeSet::new());
    let golden = include_str!("golden.nft");
    assert_eq!(rules.text, golden, "{}", rules.text);
}

#[test]
fn nothing_is_held_to_rules_until_the_cluster_says_so() {
    let (mut firewalls, nets) = homelab();
    firewalls["cluster"]["options"] = json!({ "enable": 0 });
    let rules = compiled(&firewalls, nets);
    assert!(!rules.is_enabled);
    assert_eq!(
        rules.text,
        "table inet phoenix_firewall\ndelete table inet phoenix_firewall\n\
         table bridge phoenix_firewall\ndelete table bridge phoenix_firewall\n"
    );
}

#[test]
fn a_node_and_guests_that_are_off_have_no_chains() {
    let (mut firewalls, nets) = homelab();
    firewalls["nodes"]["pve"]["options"] = json!({ "enable": 0 });
    firewalls["guests"] = json!({ "101": { "options": { "enable": 0 } } });
    let rules = compiled(&firewalls, nets);
    assert!(rules.is_enabled);
    assert!(!rules.text.contains("hook"), "{}", rules.text);
}

#[test]
fn a_rule_that_cannot_be_is_named_and_the_others_hold() {
    let rule = |part: &str, value: &str| {
        let mut rule =
            json!({ "type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "80", "enable": 1 });
        rule[part] = value.into();
        rule
    };
    let evil = "1 } accept\n}\ntable inet x { chain y {";
    let mut rules: Vec<Value> = ["source", "dest", "dport", "sport", "proto", "iface", "action", "macro"]
        .iter()
        .map(|part| rule(part, evil))
        .collect();
    rules.push(rule("source", "+nope"));
    rules.push(rule("source", "no-such-alias"));
    rules.push(json!({ "type": "group", "action": "nobody", "enable": 1 }));
    rules.push(json!({ "type": "forward", "action": "DROP", "enable": 1 }));
    let count = rules.len();
    rules.push(rule("dport", "8080"));
    let firewalls = json!({ "cluster": { "options": { "enable": 1 }, "rules": rules } });
    let compiled = compiled(&firewalls, Vec::new());
    assert_eq!(compiled.warnings.len(), count, "{:#?}", compiled.warnings);
    assert!(!compiled.text.contains("table inet x"), "{}", compiled.text);
    let said: Vec<&String> = compiled.warnings.iter().collect();
    assert!(said.iter().any(|text| text.contains("`+nope`") || text.contains("`nope`")), "{said:#?}");
    let rules = chain(&compiled, "host_in");
    assert!(rules.contains(&"meta l4proto 6 th dport { 8080 } accept".to_owned()), "{rules:#?}");
}

#[test]
fn the_node_is_managed_from_its_network_and_the_alias_says_which() {
    let managed = |cluster: Value| {
        let rules = compiled(&json!({ "cluster": cluster }), Vec::new());
        let found = chain(&rules, "host_in").into_iter().filter(|line| line.contains("8006"));
        found.map(|line| line.split(" tcp ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(managed(json!({ "options": { "enable": 1 } })), ["ip saddr { 10.0.0.0/24 }"]);
    assert_eq!(
        managed(json!({
            "options": { "enable": 1 },
            "aliases": { "local_network": { "name": "local_network", "cidr": "192.0.2.0/28" } },
        })),
        ["ip saddr { 192.0.2.0/28 }"]
    );
}

#[test]
fn an_address_of_two_guests_is_that_of_the_one_that_runs() {
    let value = "name=eth0,bridge=vmbr0,firewall=1,ip=10.0.0.5/24,type=veth";
    let mut nets = card(101, value);
    nets.extend(card(102, value));
    let firewalls = json!({
        "cluster": { "options": { "enable": 1 } },
        "guests": { "101": { "options": { "enable": 1 } }, "102": { "options": { "enable": 1 } } },
    });
    let target = |nets: Vec<Net>| chain(&compiled(&firewalls, nets), "got_from_host").pop();
    assert_eq!(target(nets.clone()).as_deref(), Some("ip daddr vmap { 10.0.0.5 : jump in_101i0 }"));
    nets[1].is_running = true;
    assert_eq!(target(nets).as_deref(), Some("ip daddr vmap { 10.0.0.5 : jump in_102i0 }"));
}

#[test]
fn a_set_for_a_card_filters_its_addresses_without_the_option() {
    let firewalls = json!({
        "cluster": { "options": { "enable": 1 } },
        "guests": { "101": {
            "options": { "enable": 1, "dhcp": 0, "macfilter": 0 },
            "ipsets": { "ipfilter-net0": { "entries": { "10.0.0.8/30": {}, "10.0.0.9": { "nomatch": true } } } },
        } },
    });
    let mut nets = card(101, "name=eth0,bridge=vmbr0,firewall=1,ip=dhcp,type=veth");
    let rules = compiled(&firewalls, nets.clone());
    let own = "{ 10.0.0.8, 10.0.0.10/31 }";
    assert_eq!(
        chain(&rules, "guard_101i0"),
        [
            format!("arp saddr ip != {own} drop"),
            "icmpv6 type { 133, 135, 136 } accept".to_owned(),
            format!("ip saddr != {own} drop"),
            "ether type ip6 drop".to_owned(),
        ]
    );
    assert!(rules.warnings.iter().any(|text| text.contains("no fixed address")), "{:?}", rules.warnings);
    // A machine whose addresses nobody knows of: as on Proxmox VE it is cut off until the set has them.
    nets[0].is_container = false;
    let bare = json!({
        "cluster": { "options": { "enable": 1 } },
        "guests": { "101": { "options": { "enable": 1, "ipfilter": 1 } } },
    });
    let rules = compiled(&bare, nets);
    assert!(chain(&rules, "guard_101i0").contains(&"ether type ip drop".to_owned()));
    assert!(rules.warnings.iter().any(|text| text.contains("`ipfilter-net0`")), "{:?}", rules.warnings);
}

/// Has `nft` read a text in a network of its own, and returns what it says; nothing where it cannot be asked.
fn read_by_nft(text: &str) -> Option<String> {
    let words = ["--net", "nft", "--check", "--file", "-"];
    let mut nft = std::process::Command::new("unshare");
    let mut nft = nft.args(words).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    nft.stdin.take().expect("is piped").write_all(text.as_bytes()).ok()?;
    let output = nft.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // 127: there is no `nft`; without privileges there is no network of its own.
    let is_there = output.status.code() != Some(127) && !said.starts_with("unshare:");
    is_there.then_some(said)
}

#[test]
fn nft_takes_all_that_a_rule_can_name() {
    let mut rules = Vec::new();
    let mut rule = |part: Value| {
        let mut rule = json!({ "type": "in", "action": "REJECT", "enable": 1 });
        rule.as_object_mut().expect("is a rule").extend(part.as_object().expect("are parts").clone());
        rules.push(rule);
    };
    let names = |list: &'static str| list.split_whitespace().filter_map(|pair| Some(pair.split_once('=')?.0));
    MACROS.iter().for_each(|(name, _)| rule(json!({ "macro": name, "source": "10.0.0.0/8" })));
    names(PROTOCOLS).for_each(|name| rule(json!({ "proto": name })));
    names(SERVICES).for_each(|name| rule(json!({ "proto": "udp", "dport": name, "sport": "1:9,7:12" })));
    names(ICMP).for_each(|name| rule(json!({ "proto": "icmp", "icmp-type": name })));
    names(ICMP6).for_each(|name| rule(json!({ "proto": "ipv6-icmp", "dport": name, "dest": "fd00::/8" })));
    rule(json!({ "proto": "sctp", "dport": "9", "source": "0.0.0.0/0", "iface": "vmbr0.5" }));
    rule(json!({ "source": "fd00::1-fd00::9", "dest": "::/0", "proto": "icmp" }));
    rule(json!({ "source": "10.0.0.1,10.0.0.0/30,10.0.0.200" }));
    let (mut firewalls, nets) = homelab();
    firewalls["guests"]["101"]["rules"] =
        rules.iter().filter(|rule| rule.get("iface").is_none()).cloned().collect();
    firewalls["cluster"]["rules"] = Value::from(rules);
    let compiled = compiled(&firewalls, nets);
    assert_eq!(compiled.warnings, BTreeSet::new());
    match read_by_nft(&compiled.text) {
        Some(said) => assert_eq!(said, "", "{}", compiled.text),
        None => println!("skipped: `nft` cannot be asked here"),
    }
}
