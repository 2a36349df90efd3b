//! The two ports, through which alone the engine touches the world, and what a backend tells the scheduler.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

use crate::{
    diagnostic::Diagnostics,
    engine::Events,
    evidence::Evidence,
    plan::{Plan, Step},
    probe::Probe,
};

/// Answers probes.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Answers each probe, in the order asked. A thing that is not there is [`Evidence::Absent`], not an error; an
    /// error means that the question could not be answered. A batch is asked with as few calls as possible.
    async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>>;
}

/// Performs actions.
#[async_trait]
pub trait Backend: Reader {
    /// Brings about what the step's action says, and returns when it is so. It must be safe to call twice, and safe
    /// to drop half-way: the next gathering then finds what was done.
    async fn perform(&self, step: &Step, events: &Events) -> Result<(), BackendError>;

    /// Says what of a plan it will not be able to do, before anything of it is done: an error stands against the plan.
    /// Fails if that cannot be found out.
    async fn preflight(&self, plan: &Plan) -> Result<Diagnostics, BackendError> {
        let _ = plan;
        Ok(Diagnostics::new())
    }

    /// Returns what the step holds while it runs and how long it may take. The engine knows no locks of its own:
    /// what excludes what is the backend's knowledge, given as data.
    fn demand(&self, step: &Step) -> Demand {
        let _ = step;
        Demand::default()
    }
}

/// What a step needs while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// All of these are held from start to end.
    pub locks: Vec<Lock>,
    /// How long it is expected to take: steps on the longest way to the end go first.
    pub estimate: Duration,
}

/// Some units of a limited thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// Its name, for instance `clone-source:lxc/900`.
    pub name: String,
    /// How many units there are in all. The same for every lock of one name.
    pub capacity: u32,
    /// How many units the step takes: 1 to share, `capacity` to have it alone.
    pub units: u32,
}

/// What sort of failure it is; decides what is tried next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// The thing is not there.
    NotFound,
    /// It changed since the plan saw it: plan again.
    Changed,
    /// Something else holds it; it may go through later.
    Locked,
    /// The user may not.
    Forbidden,
    /// The request is wrong.
    Invalid,
    /// No space left.
    Full,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// It was tried and did not succeed.
    Failed,
    /// The run was cancelled.
    Cancelled,
}

/// Why a question was not answered or an action not done.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BackendError {
    /// The sort of failure.
    pub kind: ErrorKind,
    /// What went wrong: lower case, no full stop.
    pub message: String,
    /// The parameters that were refused, with the reason each.
    pub fields: BTreeMap<String, String>,
    /// The last lines of the task's log.
    pub log: Vec<String>,
    /// What the user can do.
    pub hint: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// Returns an error of a sort.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            fields: BTreeMap::new(),
            log: Vec::new(),
            hint: None,
            source: None,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(cause));
        self
    }
}
