//! Events: what happens while the engine works, for whoever shows it.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::id::StepId;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A round of converge begins with a plan of so many steps.
    Round {
        /// From 1.
        number: u32,
        /// Steps of its plan.
        steps: usize,
    },
    /// A step has begun.
    Started {
        /// The step.
        step: StepId,
    },
    /// A step tells what it is doing (a line of its task's log, a refused lock).
    Progress {
        /// The step.
        step: StepId,
        /// One line.
        text: String,
    },
    /// A step was refused a lock and is tried again.
    Retried {
        /// The step.
        step: StepId,
        /// Why.
        reason: String,
        /// After this pause.
        pause: Duration,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: StepId,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// Why.
        message: String,
    },
    /// A step is not done because another, which it waits for, was not.
    Skipped {
        /// The step.
        step: StepId,
        /// The step that failed or was cancelled.
        because: StepId,
    },
    /// The user asked to stop; running steps are finished, no other is begun.
    Stopping {
        /// Steps that run now.
        running: usize,
        /// Steps that are not begun.
        left: usize,
    },
    /// Something that the backend wants to have said once.
    Notice {
        /// One line.
        text: String,
    },
}

/// Where events go. Cheap to clone; events without a listener are dropped.
#[derive(Clone, Debug)]
pub struct Events(Option<UnboundedSender<Event>>);

impl Events {
    /// Returns a sender and the end to listen at.
    pub fn channel() -> (Self, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    /// Returns a sender to which nobody listens.
    pub fn silent() -> Self {
        Self(None)
    }

    /// Sends an event.
    pub fn send(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // A listener that has gone is no reason to stop working.
            let _ = sender.send(event);
        }
    }
}
