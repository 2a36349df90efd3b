//! A manager: plans one kind of resource, as functions of values.

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    facts::Facts,
    guest::Power,
    id::ResourceId,
    lifecycle::Lifecycle,
    plan::Step,
    probe::Probe,
    resource::Resource,
};

/// Plans one kind of resource.
pub trait Manager: Send + Sync + 'static {
    /// What the user wants of one.
    type Spec: Resource;
    /// What is known of one.
    type Observed;

    /// Returns what must be known of the resource, given what is known. Called again with the answers until it asks
    /// for nothing new.
    fn probes(&self, id: &ResourceId, want: Option<&Self::Spec>, known: &Facts) -> Vec<Probe>;

    /// Decodes the facts; `None` if the resource is not there.
    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Self::Observed>, Diagnostics>;

    /// Returns the steps that make `found` what `want` says; none if it is so already. `want` is `None` only for a
    /// resource that shall be removed on the user's word. Facts beyond the resource (storages, volumes) may be read.
    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&Self::Spec>,
        found: Option<&Self::Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics>;

    /// Returns where the resource stands in its life.
    fn lifecycle(&self, want: Option<&Self::Spec>, found: Option<&Self::Observed>) -> Lifecycle;

    /// Returns the steps that bring it to a state of power, whatever its spec says.
    fn power(
        &self,
        id: &ResourceId,
        want: &Self::Spec,
        found: Option<&Self::Observed>,
        goal: Power,
    ) -> Result<Vec<Step>, Diagnostics> {
        let _ = (want, found, goal);
        Err(Diagnostic::error("no-power-state", format!("`{id}` cannot be started or stopped")).into())
    }
}

/// What a manager returns: steps, and what it has to say to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The steps, in no particular order; phases and `after` give it.
    pub steps: Vec<Step>,
    /// Warnings and notes.
    pub notes: Diagnostics,
    /// What would bring the resource to the node that it is wanted on; done only if the request asks for it.
    pub migration: Option<Step>,
    /// What the resource, as found, stands on and cannot do without (the template of a linked clone).
    pub stands_on: Option<ResourceId>,
    /// It stands on an older layer, or is one itself; the reason.
    pub outdated: Option<String>,
    /// What of its kind is Phoenix's, or nobody's, and is not declared.
    pub undeclared: Vec<Undeclared>,
    /// Whether the planner shall ask the features for steps, and what they shall take for known.
    pub provision: Provision,
}

/// Something that is there and that nobody declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeclared {
    /// What is told of it.
    pub note: Diagnostic,
    /// What removes it where that is asked for, one after the other; nothing if it must stay.
    pub removal: Vec<Step>,
}

/// What the features of a resource shall be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provision {
    /// Nothing: it is sealed with these features and cannot be looked into now.
    #[default]
    Sealed,
    /// Everything, as on a guest that does not exist yet.
    Fresh,
    /// What is missing, by the facts.
    Observed,
}
