//! Converging: gather, plan, execute, again and again, until the plan is empty or a round gets nowhere.

use std::time::Duration;

use super::{
    events::{Event, Events},
    execute::{Cancel, Outcome, execute},
    gather::gather,
};
use crate::{
    action::Action,
    diagnostic::{Diagnostic, Diagnostics},
    plan::{Plan, Step},
    planner::{self, Intent, Reboots, Request, Resolved},
    port::{Backend, ErrorKind},
};

/// How many rounds there may be. Values that are born in one round are facts of the next; more than a few such
/// generations mean that a planner never agrees with what it asked for.
const ROUNDS: u32 = 6;

/// What became of a request.
#[derive(Debug)]
pub struct Converged {
    /// How it ended.
    pub verdict: Verdict,
    /// Rounds that had something to do.
    pub rounds: u32,
    /// Steps that were done, in all rounds.
    pub done: usize,
    /// What became of the last plan that was executed.
    pub last: Outcome,
    /// What waits for a reboot that nobody has asked for, or for one more than there was.
    pub held: Vec<Step>,
    /// A host was rebooted.
    pub rebooted: bool,
    /// What the planners had to say, in the last round.
    pub notes: Diagnostics,
    /// How long the executing took, in all rounds.
    pub took: Duration,
}

/// How a request ended.
#[derive(Debug)]
pub enum Verdict {
    /// The plan is empty.
    Settled,
    /// Steps failed.
    Failed,
    /// The user stopped it.
    Stopped,
    /// Every step succeeds and the plan is still not empty: this is what is left of it.
    Restless(Plan),
}

/// Brings about what a request asks for. Fails only if it could not gather or plan; what had been done until then
/// stays done.
pub async fn converge(
    resolved: &Resolved,
    request: &Request,
    backend: &dyn Backend,
    events: &Events,
    cancel: &Cancel,
) -> Result<Converged, Diagnostics> {
    let mut converged = Converged {
        verdict: Verdict::Settled,
        rounds: 0,
        done: 0,
        last: Outcome::default(),
        held: Vec::new(),
        rebooted: false,
        notes: Diagnostics::new(),
        took: Duration::ZERO,
    };
    let mut request = request.clone();
    loop {
        let plan = tokio::select! {
            biased;
            () = cancel.finish.cancelled() => {
                converged.verdict = Verdict::Stopped;
                return Ok(converged);
            }
            facts = gather(resolved, &request, backend) => planner::plan(resolved, &request, &facts?)?,
        };
        converged.notes = plan.notes.clone();
        converged.held = plan.held.clone();
        if plan.is_empty() {
            return Ok(converged);
        }
        if converged.rounds == ROUNDS {
            converged.verdict = Verdict::Restless(plan);
            return Ok(converged);
        }
        converged.notes.extend(preflight(&plan, backend).await?);
        converged.rounds += 1;
        events.send(Event::Round { number: converged.rounds, steps: plan.steps.len() });
        let outcome = execute(&plan, backend, events, cancel).await;
        converged.done += outcome.done.len();
        converged.took += outcome.took;
        let changed_below = outcome.failed.iter().all(|failure| failure.error.kind == ErrorKind::Changed);
        let has_failed = !outcome.failed.is_empty();
        let is_stopped = !outcome.left.is_empty();
        let has_moved = !outcome.done.is_empty();
        converged.last = outcome;
        if is_stopped {
            converged.verdict = Verdict::Stopped;
            return Ok(converged);
        }
        // Someone changed a guest under the plan: that is no failure, the next plan sees the change. Unless it
        // happens again and again, which the bound on rounds ends.
        if has_failed && !(changed_below && (has_moved || converged.rounds < ROUNDS)) {
            converged.verdict = Verdict::Failed;
            return Ok(converged);
        }
        // A reboot that did not bring what it was for would come again and again.
        if plan.steps.iter().any(|step| matches!(step.action, Action::Reboot { .. })) {
            request.reboots = Reboots::Hold;
            converged.rebooted = true;
        }
        request.intent = match request.intent {
            // Stopping and starting again is done when it is done once; making anew too.
            Intent::Power(crate::Power::Restarted) if !has_failed => return Ok(converged),
            Intent::Rebuild(_) if !has_failed => Intent::Converge,
            intent => intent,
        };
    }
}

/// Returns what a backend has to say to a plan before it is begun; all that stands against it as an error.
async fn preflight(plan: &Plan, backend: &dyn Backend) -> Result<Diagnostics, Diagnostics> {
    match backend.preflight(plan).await {
        Ok(found) if found.has_errors() => Err(found),
        Ok(found) => Ok(found),
        Err(error) => {
            let diagnostic = Diagnostic::error(
                "preflight",
                format!("could not find out whether all of the plan can be done: {error}"),
            );
            Err(match &error.hint {
                Some(hint) => diagnostic.with_hint(hint.clone()),
                None => diagnostic,
            }
            .into())
        }
    }
}

impl Verdict {
    /// Returns what to tell the user about a plan that never becomes empty.
    pub fn restless(plan: &Plan) -> Diagnostic {
        let steps: Vec<_> = plan.steps.iter().take(5).map(|step| format!("`{}`", step.id)).collect();
        let more = plan.steps.len().saturating_sub(steps.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Diagnostic::error(
            "restless",
            format!("every step succeeds, and yet {}{more} would have to be done again", steps.join(", ")),
        )
        .with_hint(
            "`phoenix plan` shows what differs; if nothing else changes it, this is a fault of Phoenix",
        )
    }
}
