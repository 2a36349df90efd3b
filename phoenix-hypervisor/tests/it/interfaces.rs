//! Network interfaces: under guard, in order, and never so that the node is cut off.

use phoenix_core::{ObjectKind, planner::Leftovers};
use serde_json::{Value, json};

use crate::pve::{NODE, Pve, plan, refusals, steps};

fn network(interfaces: Value) -> [(&'static str, Value); 1] {
    [("network/pve1", json!({"node": NODE, "interfaces": interfaces}))]
}

fn of() -> ObjectKind {
    ObjectKind::Interface { node: NODE.into() }
}

fn pve() -> Pve {
    let bridge = [
        ("type", "bridge"),
        ("cidr", "10.0.0.13/24"),
        ("address", "10.0.0.13"),
        ("gateway", "10.0.0.1"),
        ("bridge_ports", "eth0"),
        ("autostart", "1"),
    ];
    Pve::default().with(of(), "eth0", &[("type", "eth")]).with(of(), "vmbr0", &bridge)
}

#[test]
fn what_changes_stands_between_a_guard_and_its_confirmation() {
    let same = json!({"vmbr0": {"type": "bridge", "cidr": "10.0.0.13/24", "bridge_ports": "eth0", "bridge_vlan_aware": ""}});
    assert!(plan(&network(same), &pve(), Leftovers::Keep).unwrap().is_empty());
    let more = json!({
        "vmbr1": {"type": "bridge", "bridge_ports": "bond0"},
        "bond0": {"type": "bond", "slaves": "eth1 eth2", "bond_mode": "active-backup"},
        "vmbr0": {"type": "bridge", "mtu": "9000"},
    });
    let planned = plan(&network(more), &pve(), Leftovers::Keep).unwrap();
    let wanted = [
        "network:guard",
        "network:create-bond0",
        "network:update-vmbr0",
        "network:create-vmbr1",
        "network:apply",
        "network:confirm",
    ];
    assert_eq!(steps(&planned), wanted);
}

#[test]
fn what_would_cut_the_node_off_is_refused() {
    for (change, says) in [
        (json!({"vmbr0": {"type": "bridge", "cidr": "10.9.0.13/24"}}), "no address that `pve1` has now"),
        (json!({"vmbr0": {"type": "bridge", "cidr": ""}}), "no address that `pve1` has now"),
        (json!({"vmbr0": {"type": "bridge", "bridge_ports": "eth7"}}), "lose all of its present ports"),
        (json!({"vmbr0": {"type": "bridge", "bridge_ports": ""}}), "lose all of its present ports"),
        (json!({"vmbr0": {"type": "bridge", "gateway": ""}}), "no gateway any more"),
    ] {
        let said = refusals(plan(&network(change.clone()), &pve(), Leftovers::Keep));
        assert!(said[0].starts_with("network-lockout") && said[0].contains(says), "{change}: {said:?}");
    }
    // Another way stays.
    let moved = json!({
        "vmbr0": {"type": "bridge", "cidr": "", "gateway": ""},
        "vmbr0.7": {"type": "vlan", "cidr": "10.0.0.13/24", "gateway": "10.0.0.1"},
    });
    let planned = plan(&network(moved), &pve(), Leftovers::Keep).unwrap();
    assert_eq!(steps(&planned)[1..3], ["network:update-vmbr0", "network:create-vmbr0.7"]);
    let both = json!({"vmbr0": {"type": "bridge", "bridge_ports": "eth0 eth1"}});
    assert!(plan(&network(both), &pve(), Leftovers::Keep).is_ok());
}

#[test]
fn pending_changes_of_others_are_not_brought_into_force() {
    let pending = Pve { pending: Some("+iface vmbr9".to_owned()), ..pve() };
    let change = json!({"vmbr0": {"type": "bridge", "mtu": "9000"}});
    let said = refusals(plan(&network(change), &pending, Leftovers::Keep));
    assert!(said[0].starts_with("network-pending"), "{said:?}");
    let same = json!({"vmbr0": {"type": "bridge"}});
    let planned = plan(&network(same), &pending, Leftovers::Keep).unwrap();
    assert!(planned.is_empty());
    assert_eq!(&*planned.notes.iter().next().unwrap().code, "network-pending");
}

#[test]
fn an_interface_of_another_sort_is_refused() {
    let other = json!({"vmbr0": {"type": "bond", "slaves": "eth0", "bond_mode": "802.3ad"}});
    let said = refusals(plan(&network(other), &pve(), Leftovers::Keep));
    assert!(said[0].starts_with("fixed-object: the interface `vmbr0` is there as `bridge`"), "{said:?}");
}
