//! The order of interfaces: Proxmox VE refuses one whose parts it does not know yet, and a second default gateway.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::object::Values;

/// Properties that name other interfaces.
const PARTS: [&str; 3] = ["bridge_ports", "slaves", "vlan-raw-device"];

/// Returns the names so that each stands behind its parts; what gives a gateway away stands before what takes one.
pub(super) fn in_order(changed: &BTreeMap<String, Values>) -> Vec<&String> {
    let mut left: Vec<&String> = changed.keys().collect();
    left.sort_by_key(|name| changed[*name].get("gateway").is_some_and(|gateway| !gateway.is_empty()));
    let mut ordered: Vec<&String> = Vec::new();
    while !left.is_empty() {
        let is_free = |name: &&String| {
            let parts = parts(name, &changed[*name]);
            !left.iter().any(|other| other != name && parts.contains(other.as_str()))
        };
        // What goes in a circle is for Proxmox VE to refuse.
        let at = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

/// Returns the interfaces that one stands on.
pub(super) fn parts(name: &str, values: &Values) -> BTreeSet<String> {
    let words = PARTS.iter().filter_map(|key| values.get(*key)).flat_map(|text| text.split([' ', ',', ';']));
    let of_name = name.rsplit_once('.').map(|(device, _)| device);
    words.chain(of_name).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_stands_behind_its_bond_and_a_vlan_behind_its_bridge() {
        let values = |pairs: &[(&str, &str)]| -> Values {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let changed = BTreeMap::from([
            ("a.7".to_owned(), values(&[("type", "vlan"), ("gateway", "10.0.0.1")])),
            ("a".to_owned(), values(&[("bridge_ports", "bond0"), ("gateway", "")])),
            ("bond0".to_owned(), values(&[("slaves", "eth0 eth1")])),
        ]);
        assert_eq!(in_order(&changed), ["bond0", "a", "a.7"]);
    }
}
