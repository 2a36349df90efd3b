//! One change of a firewall. Rules are changed one by one and known by their keys, so that each change can be done twice,
//! and what another hand does meanwhile is not undone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AddressSet, Alias, Rule};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum FirewallChange {
    /// Sets and deletes options.
    SetOptions {
        /// Options to set, in PVE's words.
        set: BTreeMap<String, String>,
        /// Options to delete.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        delete: BTreeSet<String>,
        /// The digest of the options that the plan saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// Adds a rule.
    InsertRule {
        /// What it is known by; its comment ends in the mark.
        key: String,
        /// All of it.
        rule: Rule,
        /// Where it shall stand. PVE adds at the top whatever it is told, so elsewhere is one more call.
        pos: usize,
        /// The digest of the rules that the plan saw, if nothing changes them before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// Changes properties of a rule.
    UpdateRule {
        /// What it is known by.
        key: String,
        /// Properties to set.
        set: Rule,
        /// Properties to delete.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        delete: BTreeSet<String>,
        /// Where the plan saw it, if nothing changes the rules before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Found>,
    },
    /// Moves a rule.
    MoveRule {
        /// What it is known by.
        key: String,
        /// Where it shall stand.
        pos: usize,
        /// Where the plan saw it, if nothing changes the rules before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Found>,
    },
    /// Removes a rule.
    RemoveRule {
        /// What it is known by.
        key: String,
        /// Where the plan saw it, if nothing changes the rules before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Found>,
    },
    /// Makes a name stand for an address, or takes it away.
    SetAlias {
        /// The name.
        name: String,
        /// What it stands for; nothing takes it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alias: Option<Alias>,
    },
    /// Lets a set hold exactly these addresses, or takes it away.
    SetIpset {
        /// Its name.
        name: String,
        /// What it holds; nothing takes it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ipset: Option<AddressSet>,
    },
    /// Keeps the present state, and lets the node put it back by itself unless the change is confirmed in time.
    Guard {
        /// How long the node waits.
        seconds: u32,
        /// The digest of the rules that the plan saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// Reaches the node over a new connection, and then ends the guard.
    Confirm,
}

/// Where a rule was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its position.
    pub pos: usize,
    /// The digest of all rules.
    pub digest: String,
}
