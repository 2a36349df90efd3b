//! Options: only those that are declared are set, and none is taken away.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Change, FirewallScope,
    firewall::{FirewallChange, FirewallState},
};

use super::rules::Move;

/// Whether a change of options lets more through or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// More: it comes before the rules.
    Opens,
    /// Less, or it cannot be told: it comes after the rules.
    Closes,
}

/// Returns the change of options, if one is needed, and when it is to be done.
pub(super) fn change(
    scope: &FirewallScope,
    want: &BTreeMap<String, String>,
    state: &FirewallState,
) -> Option<(Effect, Move)> {
    let is_so = |key: &str, value: &str| {
        state.options.get(key).is_some_and(|have| match (scope, key) {
            // PVE writes the moment down at which the cluster's firewall was switched on.
            (FirewallScope::Cluster, "enable") => (have == "0") == (value == "0"),
            _ => have == value,
        })
    };
    let set: BTreeMap<String, String> = want
        .iter()
        .filter(|(key, value)| !is_so(key, value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if set.is_empty() {
        return None;
    }
    let opens = |(key, value): (&String, &String)| match key.as_str() {
        "enable" => value == "0",
        "policy_in" | "policy_out" | "policy_forward" => value == "ACCEPT",
        _ => false,
    };
    let effect = if set.iter().all(opens) { Effect::Opens } else { Effect::Closes };
    let changes =
        set.iter().map(|(key, new)| Change::new(key, state.options.get(key).cloned(), Some(new.clone())));
    let changes = changes.collect();
    let digest = (!state.options_digest.is_empty()).then(|| state.options_digest.clone());
    let change = FirewallChange::SetOptions { set, delete: BTreeSet::new(), digest };
    Some((effect, Move { verb: "options".to_owned(), reason: "the options differ", change, changes }))
}

/// Returns the options when all is done.
pub(super) fn after(want: &BTreeMap<String, String>, state: &FirewallState) -> BTreeMap<String, String> {
    let mut options = state.options.clone();
    options.extend(want.clone());
    options
}
