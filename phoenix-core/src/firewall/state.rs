//! What a firewall holds, as the API gives it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A rule, by its properties in PVE's words (`type`, `action`, `enable`, `proto`, `dport`, …), as texts.
pub type Rule = BTreeMap<String, String>;

/// The options and rules of a firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallState {
    /// The digest of the rules, to send with a change of one; empty where there is no rule.
    pub digest: String,
    /// The digest of the options.
    pub options_digest: String,
    /// The options that are set, as texts.
    pub options: BTreeMap<String, String>,
    /// The rules in their order, in which the first that fits decides. A rule's position is its index.
    pub rules: Vec<Rule>,
}

/// What the rules of a firewall can name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallNames {
    /// Aliases by their names as they are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Alias>,
    /// Sets of addresses by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ipsets: BTreeMap<String, AddressSet>,
    /// The rules of security groups by name; only the cluster has groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<Rule>>,
}

/// A name for an address or network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The address or network.
    pub cidr: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressSet {
    /// Addresses, networks and aliases; one with a `!` before it is taken out of the set.
    #[serde(default)]
    pub entries: BTreeSet<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}
