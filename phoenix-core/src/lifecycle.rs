//! The lifecycle of a guest: derived from facts on every look, stored nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a guest stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// It is not there.
    Absent,
    /// A task makes it.
    Creating,
    /// It is there and was never given its configuration.
    Created,
    /// Its configuration is complete; it does not run and was never completed.
    Configured,
    /// It runs; features or health checks are missing.
    Running,
    /// Its features are complete; it does not run now, or its health is not proven.
    Provisioned,
    /// Everything is as the spec says.
    Healthy,
    /// A complete template.
    Template,
    /// It was complete once and is not as the spec says now.
    Drifted,
    /// It has the vmid of a spec and is not Phoenix's.
    Foreign,
}

/// A way from one state to another, with what causes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: Lifecycle,
    /// After.
    pub to: Lifecycle,
    /// The cause.
    pub by: &'static str,
}

/// What the state of a guest is derived from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vital {
    /// It is in the listing.
    pub exists: bool,
    /// It carries Phoenix's marker with its own vmid.
    pub is_owned: bool,
    /// A task is making it (`lock` is `create` or `clone`).
    pub is_being_made: bool,
    /// Its configuration is as the spec says.
    pub is_configured: bool,
    /// It runs.
    pub is_running: bool,
    /// It should run.
    pub should_run: bool,
    /// Its marker has the layer of the spec: it was completed with these features.
    pub is_sealed: bool,
    /// Its marker has a layer: it was completed once.
    pub was_sealed: bool,
    /// It is a template.
    pub is_template: bool,
    /// It should be a template.
    pub should_be_template: bool,
    /// Nothing is left to do for it.
    pub is_settled: bool,
}

impl Lifecycle {
    /// All states, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Absent,
        Self::Creating,
        Self::Created,
        Self::Configured,
        Self::Running,
        Self::Provisioned,
        Self::Healthy,
        Self::Template,
        Self::Drifted,
        Self::Foreign,
    ];

    /// Every way that a guest can go.
    pub const TRANSITIONS: [Transition; 19] = {
        use Lifecycle::{
            Absent, Configured, Created, Creating, Drifted, Foreign, Healthy, Provisioned, Running, Template,
        };
        const fn way(from: Lifecycle, to: Lifecycle, by: &'static str) -> Transition {
            Transition { from, to, by }
        }
        [
            way(Absent, Creating, "create or clone"),
            way(Creating, Created, "task ends"),
            way(Creating, Absent, "task fails"),
            way(Created, Configured, "configure"),
            way(Configured, Running, "start"),
            way(Running, Provisioned, "features"),
            way(Running, Configured, "stop"),
            way(Provisioned, Healthy, "health checks"),
            way(Provisioned, Template, "convert"),
            way(Healthy, Provisioned, "stop"),
            way(Healthy, Drifted, "foreign change or new spec"),
            way(Provisioned, Drifted, "foreign change or new spec"),
            way(Template, Drifted, "foreign change or new spec"),
            way(Drifted, Healthy, "converge"),
            way(Drifted, Template, "converge or rebuild"),
            way(Healthy, Absent, "delete"),
            way(Template, Absent, "delete"),
            way(Drifted, Absent, "delete"),
            way(Foreign, Drifted, "adopt"),
        ]
    };

    /// Returns the state that facts amount to.
    pub fn derive(vital: Vital) -> Self {
        if !vital.exists {
            return Self::Absent;
        }
        if vital.is_being_made {
            return Self::Creating;
        }
        if !vital.is_owned {
            return Self::Foreign;
        }
        if !vital.was_sealed {
            return match (vital.is_configured, vital.is_running) {
                (_, true) => Self::Running,
                (true, false) => Self::Configured,
                (false, false) => Self::Created,
            };
        }
        if !vital.is_configured || !vital.is_sealed || vital.is_template != vital.should_be_template {
            // A template on its way: complete, and only the conversion is missing.
            let on_its_way = vital.is_configured && vital.is_sealed && vital.should_be_template;
            return if on_its_way { Self::Provisioned } else { Self::Drifted };
        }
        if vital.is_template {
            return if vital.is_settled { Self::Template } else { Self::Drifted };
        }
        match (vital.should_run, vital.is_running) {
            (true, false) => Self::Provisioned,
            (false, true) => Self::Drifted,
            (true, true) | (false, false) if vital.is_settled => Self::Healthy,
            (true, true) | (false, false) => Self::Drifted,
        }
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Running => "running",
            Self::Provisioned => "provisioned",
            Self::Healthy => "healthy",
            Self::Template => "template",
            Self::Drifted => "drifted",
            Self::Foreign => "foreign",
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
