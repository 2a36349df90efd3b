//! Executing: runs the steps of a plan in parallel, as their order and the backend's locks allow, and reports root
//! causes only.

#![allow(
    clippy::disallowed_types,
    reason = "the engine measures how long steps take; nothing is decided by it"
)]

use std::{collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    events::{Event, Events},
    schedule::Schedule,
};
use crate::{
    id::StepId,
    plan::{Plan, Step},
    port::{Backend, BackendError, ErrorKind},
};

/// How a run is stopped from outside.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    /// No further step is begun; running ones are finished.
    pub finish: CancellationToken,
    /// Running steps are abandoned too. What the backend has begun goes on there, and is found next time.
    pub abandon: CancellationToken,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Steps that were done.
    pub done: BTreeSet<StepId>,
    /// Steps that failed, and why.
    pub failed: Vec<Failure>,
    /// Steps that were not begun because one that they wait for failed: (step, that one).
    pub skipped: Vec<(StepId, StepId)>,
    /// Steps that were not begun, or not finished, because the run was stopped.
    pub left: Vec<StepId>,
    /// How long it took.
    pub took: Duration,
}

/// A failed step.
#[derive(Debug)]
pub struct Failure {
    /// The step.
    pub step: StepId,
    /// Why.
    pub error: BackendError,
}

impl Outcome {
    /// Tells whether every step was done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.left.is_empty()
    }
}

/// Executes a plan. Returns when nothing runs any more; every step is then in exactly one list of the outcome.
pub async fn execute(plan: &Plan, backend: &dyn Backend, events: &Events, cancel: &Cancel) -> Outcome {
    let begun = Instant::now();
    let demands: Vec<_> = plan.steps.iter().map(|step| backend.demand(step)).collect();
    let mut schedule = Schedule::new(plan, &demands);
    drop(demands);
    let mut outcome = Outcome::default();
    let mut settled = vec![false; plan.steps.len()];
    let mut running = FuturesUnordered::new();
    let mut is_stopping = false;
    loop {
        if !is_stopping {
            while let Some(index) = schedule.begin() {
                events.send(Event::Started { step: plan.steps[index].id.clone() });
                running.push(run(index, &plan.steps[index], backend, events));
            }
        }
        let finished = tokio::select! {
            biased;
            () = cancel.abandon.cancelled() => break,
            () = cancel.finish.cancelled(), if !is_stopping => {
                is_stopping = true;
                let settled = settled.iter().filter(|settled| **settled).count();
                let left = plan.steps.len() - settled - running.len();
                events.send(Event::Stopping { running: running.len(), left });
                continue;
            }
            finished = running.next() => finished,
        };
        let Some((index, result, took)) = finished else { break };
        let step = plan.steps[index].id.clone();
        settled[index] = true;
        match result {
            Ok(()) => {
                schedule.finish(index);
                events.send(Event::Finished { step: step.clone(), took });
                outcome.done.insert(step);
            }
            Err(error) => {
                events.send(Event::Failed { step: step.clone(), took, message: error.to_string() });
                for (other, cause) in schedule.fail(index) {
                    settled[other] = true;
                    let (other, cause) = (plan.steps[other].id.clone(), plan.steps[cause].id.clone());
                    events.send(Event::Skipped { step: other.clone(), because: cause.clone() });
                    outcome.skipped.push((other, cause));
                }
                outcome.failed.push(Failure { step, error });
            }
        }
    }
    let left = settled.iter().enumerate().filter(|(_, settled)| !**settled);
    outcome.left = left.map(|(index, _)| plan.steps[index].id.clone()).collect();
    outcome.took = begun.elapsed();
    outcome
}

async fn run(
    index: usize,
    step: &Step,
    backend: &dyn Backend,
    events: &Events,
) -> (usize, Result<(), BackendError>, Duration) {
    let begun = Instant::now();
    // A panic in a backend is one failed step, not the end of all the others that are under way.
    let result = AssertUnwindSafe(backend.perform(step, events)).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(BackendError::new(ErrorKind::Failed, format!("the backend panicked: {text}"))
            .with_hint("this is a fault of Phoenix; please report it"))
    });
    (index, result, begun.elapsed())
}
