//! A request: which resources a plan is for, and what shall become of them.

use std::collections::BTreeSet;

use super::{Resolved, unknown_resource};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    guest::Power,
    id::ResourceId,
};

/// What a plan is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The resources; all but those apart if there are none.
    pub targets: BTreeSet<ResourceId>,
    /// What shall become of them.
    pub intent: Intent,
    /// What shall become of those that are on another node than they are wanted on.
    pub strays: Strays,
    /// What shall become of what features made and nobody declares any more.
    pub leftovers: Leftovers,
    /// What shall become of reboots of hosts.
    pub reboots: Reboots,
    /// When OS templates and images are fetched.
    pub stock: Stock,
}

/// When OS templates and images are fetched of which declared guests are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stock {
    /// With the guests that are made from them.
    #[default]
    WithGuests,
    /// Now, also those of guests that the plan is not about.
    Ahead,
}

/// What shall become of reboots of hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reboots {
    /// They and all that stands behind them are held, and the plan says so.
    #[default]
    Hold,
    /// They are done, once all else is.
    Perform,
}

/// What shall become of what features made and nobody declares any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// It stays, and the plan says so.
    #[default]
    Keep,
    /// It is removed.
    Remove,
}

/// What shall become of guests on another node than they are wanted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strays {
    /// They stay, and the plan says so.
    #[default]
    Stay,
    /// They are brought to the node that they are wanted on.
    Migrate,
}

/// What shall become of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// They are brought to what their specs say, with all that they require.
    Converge,
    /// As [`Intent::Converge`]; and those of these that stand on an older layer are deleted and made anew.
    Rebuild(Rebuild),
    /// Of them, only these features are brought to what they say, where a guest runs: nothing else of them, and nothing
    /// that they require.
    Features(BTreeSet<String>),
    /// What these features made of them is taken back, as far as nothing of others is lost by it.
    TakeBack(BTreeSet<String>),
    /// They are deleted: only they, in an order that lets nothing stand on what is gone.
    Remove,
    /// They are started, stopped or restarted: only they.
    Power(Power),
}

/// Which resources are made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// Every one in the scope that stands on an older layer.
    Outdated,
    /// Of these, every one that stands on an older layer.
    Named(BTreeSet<ResourceId>),
}

impl Request {
    /// Returns the request to bring everything to what its spec says.
    pub fn converge_all() -> Self {
        Self::new([], Intent::Converge)
    }

    /// Returns a request for some resources.
    pub fn new(targets: impl IntoIterator<Item = ResourceId>, intent: Intent) -> Self {
        Self {
            targets: targets.into_iter().collect(),
            intent,
            strays: Strays::default(),
            leftovers: Leftovers::default(),
            reboots: Reboots::default(),
            stock: Stock::default(),
        }
    }

    /// Says what shall become of what features made and nobody declares any more.
    #[must_use]
    pub fn with_leftovers(self, leftovers: Leftovers) -> Self {
        Self { leftovers, ..self }
    }

    /// Says what shall become of reboots of hosts.
    #[must_use]
    pub fn with_reboots(self, reboots: Reboots) -> Self {
        Self { reboots, ..self }
    }

    /// Says when OS templates and images are fetched.
    #[must_use]
    pub fn with_stock(self, stock: Stock) -> Self {
        Self { stock, ..self }
    }

    /// Says what shall become of guests on another node than they are wanted on.
    #[must_use]
    pub fn with_strays(self, strays: Strays) -> Self {
        Self { strays, ..self }
    }

    /// Tells whether a feature is among those that the plan is about.
    pub(crate) fn has_feature(&self, name: &str) -> bool {
        match &self.intent {
            Intent::Features(names) => names.contains(name),
            Intent::Converge | Intent::Rebuild(_) | Intent::Remove | Intent::Power(_) => true,
            // What is taken back has other questions than what is planned.
            Intent::TakeBack(_) => false,
        }
    }

    /// Returns the resources that the plan is about: the targets, and what they require where that matters.
    pub fn scope(&self, resolved: &Resolved) -> Result<BTreeSet<ResourceId>, Diagnostics> {
        let unknown: Diagnostics =
            self.targets.iter().filter(|id| resolved.get(id).is_none()).map(unknown_resource).collect();
        let targets = if self.targets.is_empty() {
            match self.intent {
                Intent::Converge | Intent::Rebuild(_) => {
                    resolved.ids().filter(|id| !resolved.is_apart(id)).cloned().collect()
                }
                Intent::Features(_) | Intent::TakeBack(_) | Intent::Remove | Intent::Power(_) => {
                    return Err(Diagnostic::error("no-target", "this needs a target")
                        .with_hint("name a vmid or a guest's name")
                        .into());
                }
            }
        } else {
            self.targets.clone()
        };
        let scope = match self.intent {
            Intent::Converge | Intent::Rebuild(_) => {
                resolved.with_parts(resolved.with_requirements(&targets))
            }
            Intent::Features(_) | Intent::TakeBack(_) | Intent::Remove | Intent::Power(_) => targets,
        };
        unknown.into_result(scope)
    }
}
