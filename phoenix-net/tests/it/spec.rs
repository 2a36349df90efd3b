//! The JSON form of a firewall's spec.

use phoenix_core::{FirewallScope, GuestId, Requirement, Resource, Stage};
use phoenix_net::FirewallSpec;
use serde_json::json;

#[test]
fn spec_comes_back_from_json_as_it_went_in() {
    let whole = json!({
        "scope": "lxc-101",
        "options": { "enable": "1", "policy_in": "DROP" },
        "rules": [
            { "key": "https", "direction": "in", "action": "ACCEPT", "proto": "tcp", "source": "10.0.0.0/24",
              "dport": "443", "comment": "service web" },
            { "direction": "group", "action": "monitoring", "enable": false },
            { "direction": "in", "action": "DROP", "macro": "SSH" },
        ],
        "aliases": { "gateway": { "cidr": "10.0.0.153", "comment": "nginx" } },
        "ipsets": { "clients": { "entries": ["!10.0.0.99", "10.0.0.0/24"] } },
        "management": { "sources": ["10.0.0.0/24"], "ports": [22, 8006] },
    });
    let spec: FirewallSpec = serde_json::from_value(whole.clone()).unwrap();
    assert_eq!(serde_json::to_value(&spec).unwrap(), whole);
    assert_eq!(spec.scope, FirewallScope::Guest(GuestId::lxc(101)));
    assert_eq!(spec.id().as_str(), "firewall/lxc-101");
    let guest = Requirement { id: GuestId::lxc(101).resource(), stage: Stage::Create };
    assert_eq!(spec.requires(), [guest]);
}

#[test]
fn what_is_not_said_has_a_default() {
    let bare = json!({ "scope": "cluster", "management": { "sources": ["192.0.2.7", "2001:db8::/64"] } });
    let spec: FirewallSpec = serde_json::from_value(bare).unwrap();
    let management = spec.management.as_ref().unwrap();
    assert_eq!(management.ports, [22, 8006].into());
    let sources: Vec<_> = management.sources.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["192.0.2.7/32", "2001:db8::/64"]);
    assert!(spec.requires().is_empty() && spec.rules.is_empty());
}

#[test]
fn what_nobody_knows_is_refused() {
    for wrong in [
        json!({ "scope": "lxc/101" }),
        json!({ "scope": "cluster", "rule": [] }),
        json!({ "scope": "cluster", "rules": [{ "direction": "sideways", "action": "ACCEPT" }] }),
        json!({ "scope": "cluster", "management": { "sources": ["10.0.0.0/33"] } }),
    ] {
        assert!(serde_json::from_value::<FirewallSpec>(wrong.clone()).is_err(), "{wrong}");
    }
}
