//! What became of a request: what was done, the root causes of what was not, and what is left.

use std::{collections::BTreeMap, time::Duration};

use phoenix_config::Sources;
use phoenix_core::{
    Action, BackendError, StepId,
    engine::{Converged, Verdict},
};
use serde::Serialize;

use super::{
    Ui, complaint,
    lines::{seconds, some_steps},
    number,
    paint::{ERROR, FAINT, WARNING, paint},
};
use crate::error::{Error, Exit};

/// How many lines of a task's log are shown.
const LOG: usize = 12;

/// The record of a run for machines, the last line of its output.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    event: &'static str,
    rounds: u32,
    done: usize,
    took_ms: u128,
    failed: Vec<Failed<'a>>,
    left: &'a [StepId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<&'a StepId>,
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    step: &'a StepId,
    message: String,
    causes: Vec<String>,
    fields: &'a BTreeMap<String, String>,
    log: &'a [String],
    hint: Option<&'a str>,
    skipped: usize,
}

impl Ui {
    /// Shows what became of a request, and returns how the run ended.
    pub(crate) fn outcome(&self, converged: &Converged, verb: &str) -> Result<Exit, Error> {
        let exit = match converged.verdict {
            Verdict::Settled => Exit::Done,
            Verdict::Failed | Verdict::Stopped | Verdict::Restless(_) => Exit::Failed,
        };
        if self.is_json() {
            self.record(&Summary::of(converged))?;
            return Ok(exit);
        }
        let done = format!(
            "{} in {}, {}",
            number(converged.done, "step"),
            number(converged.rounds as usize, "round"),
            seconds(converged.took)
        );
        match &converged.verdict {
            Verdict::Settled if converged.rounds == 0 => self.data("nothing to do"),
            Verdict::Settled => self.data(&format!("done: {done}")),
            Verdict::Failed => self.say(failures(converged).trim_end()),
            Verdict::Stopped => self.say(stopped(converged, &done, verb).trim_end()),
            Verdict::Restless(plan) => {
                self.all_findings(&Verdict::restless(plan).into(), &Sources::default());
            }
        }
        if !converged.held.is_empty() {
            self.data(&held(converged));
        }
        Ok(exit)
    }
}

/// Returns what waits for a reboot, and how it is had.
fn held(converged: &Converged) -> String {
    let again =
        if converged.rebooted { "the host was rebooted, and needs one more" } else { "a reboot is needed" };
    let reasons: Vec<&str> = converged
        .held
        .iter()
        .filter(|step| matches!(step.action, Action::Reboot { .. }))
        .map(|step| step.reason.as_str())
        .collect();
    let waiting = converged.held.len().saturating_sub(reasons.len());
    let waiting =
        if waiting > 0 { format!(" ({} behind it)", number(waiting, "step")) } else { String::new() };
    format!("{again}: phoenix setup --reboot{waiting}\n  why: {}", reasons.join("; "))
}

impl<'a> Summary<'a> {
    fn of(converged: &'a Converged) -> Self {
        let last = &converged.last;
        let failed = |failure: &'a phoenix_core::engine::Failure| Failed {
            step: &failure.step,
            message: failure.error.to_string(),
            causes: complaint::causes(&failure.error),
            fields: &failure.error.fields,
            log: &failure.error.log,
            hint: failure.error.hint.as_deref(),
            skipped: last.skipped.iter().filter(|(_, cause)| *cause == failure.step).count(),
        };
        let is_bad = !matches!(converged.verdict, Verdict::Settled);
        Self {
            event: match &converged.verdict {
                Verdict::Settled => "settled",
                Verdict::Failed => "unsettled",
                Verdict::Stopped => "stopped",
                Verdict::Restless(_) => "restless",
            },
            rounds: converged.rounds,
            done: converged.done,
            took_ms: converged.took.as_millis(),
            failed: last.failed.iter().filter(|_| is_bad).map(failed).collect(),
            left: &last.left,
            held: converged.held.iter().map(|step| &step.id).collect(),
        }
    }
}

fn failures(converged: &Converged) -> String {
    let last = &converged.last;
    let mut text = String::new();
    for failure in &last.failed {
        let skipped: Vec<_> =
            last.skipped.iter().filter(|(_, cause)| *cause == failure.step).map(|(step, _)| step).collect();
        text.push_str(&one(&failure.step, &failure.error, &skipped));
    }
    text.push_str(&format!(
        "{}: {} failed, {} skipped because of that, {} done in {}\n",
        paint(ERROR, "error"),
        number(last.failed.len(), "step"),
        last.skipped.len(),
        converged.done,
        seconds(converged.took),
    ));
    text
}

fn one(step: &StepId, error: &BackendError, skipped: &[&StepId]) -> String {
    let mut text = format!("{}: `{step}` failed: {error}\n", paint(ERROR, "error"));
    for (field, reason) in &error.fields {
        text.push_str(&format!("  {field}: {reason}\n"));
    }
    for cause in complaint::causes(error) {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    for line in &error.log[error.log.len().saturating_sub(LOG)..] {
        text.push_str(&paint(FAINT, &format!("  | {line}")));
        text.push('\n');
    }
    if !skipped.is_empty() {
        text.push_str(&format!("  skipped because of it: {}\n", some_steps(skipped.iter().copied())));
    }
    text.push_str(&complaint::hint(error.hint.as_deref()));
    text
}

fn stopped(converged: &Converged, done: &str, verb: &str) -> String {
    let left = &converged.last.left;
    let what = match left.len() {
        0 => String::new(),
        count => format!("  left: {}: {}\n", number(count, "step"), some_steps(left.iter())),
    };
    let failed: String =
        converged.last.failed.iter().map(|failure| one(&failure.step, &failure.error, &[])).collect();
    let hint = complaint::hint(Some(&format!("the same `phoenix {verb}` again goes on from here")));
    let begun = if converged.took == Duration::ZERO {
        "before the first step".to_owned()
    } else {
        format!("after {done}")
    };
    format!("{failed}{}: {begun}\n{what}{hint}", paint(WARNING, "stopped"))
}
