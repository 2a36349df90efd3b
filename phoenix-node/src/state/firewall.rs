//! Firewalls: rules, options, aliases and sets of addresses of the cluster, of nodes, guests and virtual networks, and
//! the security groups that all of them may use.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    FirewallScope,
    firewall::{self as core, AddressSet, FirewallNames, FirewallState},
};
use phoenix_pve::lenient;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::state::sections::sha1;

/// All firewalls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewalls {
    pub(crate) cluster: Firewall,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) nodes: BTreeMap<String, Firewall>,
    /// By vmid; PVE keeps them for guests that are not there too.
    pub(crate) guests: BTreeMap<u32, Firewall>,
    pub(crate) vnets: BTreeMap<String, Firewall>,
    /// Those that come back unless somebody confirms what has become of them.
    pub(crate) guards: BTreeMap<FirewallScope, Guarded>,
    /// Those that came back.
    pub(crate) reverted: BTreeSet<FirewallScope>,
    /// How many guards there have been.
    pub(crate) guard_count: u64,
}

/// What a firewall was before it was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guarded {
    pub(crate) saved: Firewall,
    /// How long it waits.
    pub(crate) seconds: u32,
    /// Which guard it is: one that was renewed is another one.
    pub(crate) number: u64,
}

/// One firewall.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewall {
    pub(crate) options: Map<String, Value>,
    pub(crate) rules: Vec<Rule>,
    /// By the name in lower case, in which they are looked up.
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) ipsets: BTreeMap<String, IpSet>,
}

/// A rule, by its properties.
pub(crate) type Rule = Map<String, Value>;

/// A name for an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) cidr: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IpSet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    /// By address.
    pub(crate) entries: BTreeMap<String, Member>,
}

/// What a set says of an address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) nomatch: bool,
}

/// A security group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) rules: Vec<Rule>,
}

impl Firewalls {
    /// Returns a firewall; an empty one where nothing was ever set.
    pub(crate) fn of(&self, scope: &FirewallScope) -> Firewall {
        match scope {
            FirewallScope::Cluster => Some(&self.cluster),
            FirewallScope::Node(name) => self.nodes.get(&**name),
            FirewallScope::Guest(guest) => self.guests.get(&guest.vmid.0),
        }
        .cloned()
        .unwrap_or_default()
    }

    /// Puts a firewall in the place of another.
    pub(crate) fn put(&mut self, scope: &FirewallScope, firewall: Firewall) {
        match scope {
            FirewallScope::Cluster => self.cluster = firewall,
            FirewallScope::Node(name) => drop(self.nodes.insert((**name).to_owned(), firewall)),
            FirewallScope::Guest(guest) => drop(self.guests.insert(guest.vmid.0, firewall)),
        }
    }

    /// Returns what the rules of the cluster can name.
    pub(crate) fn names(&self) -> FirewallNames {
        let Firewall { aliases, ipsets, .. } = &self.cluster;
        let alias = |alias: &Alias| core::Alias {
            cidr: alias.cidr.clone(),
            comment: alias.comment.clone().unwrap_or_default(),
        };
        let set = |set: &IpSet| AddressSet {
            entries: set.entries.iter().map(|(cidr, member)| member.written(cidr)).collect(),
            comment: set.comment.clone().unwrap_or_default(),
        };
        FirewallNames {
            aliases: aliases.values().map(|it| (it.name.clone(), alias(it))).collect(),
            ipsets: ipsets.iter().map(|(name, it)| (name.clone(), set(it))).collect(),
            groups: self
                .groups
                .iter()
                .map(|(name, it)| (name.clone(), it.rules.iter().map(texts).collect()))
                .collect(),
        }
    }
}

impl Firewall {
    /// Returns its options and rules as texts.
    pub(crate) fn seen(&self) -> FirewallState {
        let rules = self.rules.iter().map(texts).collect();
        FirewallState { options: texts(&self.options), rules, ..FirewallState::default() }
    }
}

impl Member {
    fn written(&self, cidr: &str) -> String {
        if self.nomatch { format!("!{cidr}") } else { cidr.to_owned() }
    }
}

fn texts(values: &Rule) -> core::Rule {
    values.iter().filter_map(|(key, value)| Some((key.clone(), lenient::text(value)?))).collect()
}

/// Returns the digest that PVE gives a list: of its rows' plain values, sorted by their keys.
pub(crate) fn digest(rows: &[Rule]) -> String {
    let mut text = String::new();
    for (key, value) in rows.iter().flatten() {
        match value {
            Value::String(value) => text.push_str(&format!("{key}:{value}\n")),
            Value::Number(value) => text.push_str(&format!("{key}:{value}\n")),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    sha1(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_values_in_the_order_of_their_keys() {
        assert_eq!(digest(&[]), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let row = |value: Value| value.as_object().cloned().unwrap_or_default();
        let one = row(serde_json::json!({ "b": 1, "a": "x", "errors": { "a": "wrong" } }));
        assert_eq!(digest(&[one]), sha1("a:x\nb:1\n"));
    }
}
