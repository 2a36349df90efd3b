//! What would cut off whoever manages the node, as far as it is seen beforehand: no address that the node has now stays, its
//! gateway goes, or the interface with the address loses every port.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Diagnostic, Diagnostics, object::Values};

use super::order::parts;

/// Returns what stands against a change of a node's interfaces.
pub(super) fn findings(
    node: &str,
    before: &BTreeMap<String, Values>,
    after: &BTreeMap<String, Values>,
) -> Diagnostics {
    let mut findings = Diagnostics::new();
    let kept = carriers(before, after);
    let had = before.values().any(|row| address(row).is_some());
    if had && kept.is_empty() {
        let all: Vec<&str> = before.values().filter_map(address).collect();
        findings.push(fault(
            format!(
                "no address that `{node}` has now ({}) would stay, so Phoenix would be cut off",
                all.join(", ")
            ),
            "give the new address to another interface first, connect to that one, and then change this one",
        ));
    } else if had && kept.iter().all(|name| loses_ports(name, before, after)) {
        let names: Vec<&str> = kept.iter().copied().collect();
        findings.push(fault(
            format!(
                "`{}` of `{node}` would lose all of its present ports, so Phoenix would be cut off",
                names.join("`, `")
            ),
            "keep one of the present ports beside the new ones, and take it away in a second run",
        ));
    }
    let gateway = |rows: &BTreeMap<String, Values>| rows.values().any(|row| is_set(row, "gateway"));
    if gateway(before) && !gateway(after) {
        findings.push(fault(
            format!("`{node}` would have no gateway any more, so Phoenix could be cut off"),
            "declare `gateway` at the interface that shall have it",
        ));
    }
    findings
}

fn fault(message: String, hint: &str) -> Diagnostic {
    Diagnostic::error("network-lockout", message).with_hint(hint)
}

/// Returns the interfaces that will carry an address that the node has now.
fn carriers<'a>(before: &BTreeMap<String, Values>, after: &'a BTreeMap<String, Values>) -> BTreeSet<&'a str> {
    let present: BTreeSet<&str> = before.values().filter_map(address).collect();
    let carries = |row: &Values| address(row).is_some_and(|address| present.contains(address));
    after.iter().filter(|(_, row)| carries(row)).map(|(name, _)| name.as_str()).collect()
}

/// Tells whether an interface that stands on others stands on none of its present ones any more.
fn loses_ports(name: &str, before: &BTreeMap<String, Values>, after: &BTreeMap<String, Values>) -> bool {
    let of = |rows: &BTreeMap<String, Values>| rows.get(name).map(|row| parts(name, row)).unwrap_or_default();
    let (old, new) = (of(before), of(after));
    !old.is_empty() && old.is_disjoint(&new)
}

fn is_set(row: &Values, key: &str) -> bool {
    row.get(key).is_some_and(|value| !value.is_empty())
}

/// Returns the address of an interface, without the length of its network.
fn address(row: &Values) -> Option<&str> {
    let cidr = ["cidr", "cidr6"].into_iter().find_map(|key| row.get(key).filter(|value| !value.is_empty()));
    let text = cidr.or_else(|| row.get("address"))?;
    let address = text.split('/').next().unwrap_or_default();
    (!address.is_empty()).then_some(address)
}
