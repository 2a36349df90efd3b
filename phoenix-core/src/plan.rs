//! A step is an action with a stable id, its order and its reason; a plan is a list of checked, sorted steps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    action::Action,
    diagnostic::Diagnostics,
    id::{ResourceId, StepId},
};

/// The part of a resource's life that a step belongs to. Within one resource, the steps of a phase wait for all
/// steps of the phases before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Stop and delete.
    Remove,
    /// Get what it is made from, and make it.
    Create,
    /// Give it its configuration, while it is stopped or live.
    Configure,
    /// Start it, or stop it, as the spec says.
    Power,
    /// Software inside: the features' steps.
    Provision,
    /// Health checks.
    Verify,
    /// Write down what it is, take the last snapshot, turn it into a template.
    Seal,
}

/// One property that a step changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// The property, in PVE's words.
    pub field: String,
    /// What it is now; none if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it will be; none if it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// An action with its id, order and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The same on every run.
    pub id: StepId,
    /// The resource that it works for.
    pub resource: ResourceId,
    /// Its part of the resource's life.
    pub phase: Phase,
    /// The effect.
    #[serde(flatten)]
    pub action: Action,
    /// Steps of the same plan that must be done before it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<StepId>,
    /// Why, for the reader of the plan.
    pub reason: String,
    /// What changes, property by property.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// Steps in an order in which they could be done one after the other, and what else there is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps; each stands behind those that it waits for.
    pub steps: Vec<Step>,
    /// What waits for a reboot that nobody has asked for: the reboot itself, and all that stands behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Step>,
    /// Warnings and notes of the planners.
    #[serde(default, skip_serializing_if = "Diagnostics::is_empty")]
    pub notes: Diagnostics,
}

impl Step {
    /// Returns a step of `owner` (a feature's name, or `guest` for the manager) on `resource`.
    pub fn new(
        resource: &ResourceId,
        owner: &str,
        verb: &str,
        phase: Phase,
        action: Action,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            id: StepId::new(resource, owner, verb),
            resource: resource.clone(),
            phase,
            action,
            after: BTreeSet::new(),
            reason: reason.into(),
            changes: Vec::new(),
        }
    }

    /// Makes the step wait for another.
    #[must_use]
    pub fn after(mut self, step: &StepId) -> Self {
        self.after.insert(step.clone());
        self
    }

    /// Adds what changes.
    #[must_use]
    pub fn with_changes(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }
}

impl Change {
    /// Returns a change of one property.
    pub fn new(field: impl Into<String>, old: Option<String>, new: Option<String>) -> Self {
        Self { field: field.into(), old, new }
    }
}

impl Plan {
    /// Tells whether there is nothing to do now; what is [held](Self::held) may be left.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
