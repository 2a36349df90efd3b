//! What is known of a firewall.

use phoenix_core::{
    Facts, FirewallScope,
    firewall::{FirewallNames, FirewallState, Rule, mark},
};

/// What is known of a firewall: of one that nobody has touched yet, nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its options and rules.
    pub state: FirewallState,
    /// What its rules can name, if that was asked.
    pub names: Option<FirewallNames>,
}

impl Observed {
    /// Decodes what the facts know of a firewall; `None` if it is not there.
    pub(super) fn read(scope: &FirewallScope, facts: &Facts) -> Option<Self> {
        let state = facts.firewall(scope)?.clone();
        Some(Self { state, names: facts.firewall_names(scope).cloned() })
    }

    /// Tells whether a change waits to be confirmed.
    pub fn is_guarded(&self) -> bool {
        self.state.rules.iter().any(|rule| mark::key(rule) == Some(mark::GUARD))
    }

    /// Returns the rules without the one that says that a change waits to be confirmed.
    pub(super) fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.state.rules.iter().enumerate().filter(|(_, rule)| mark::key(rule) != Some(mark::GUARD))
    }
}
