//! Progress in plain lines, for logs and pipes: a line when a step has ended, none for what is under way.

use std::time::Duration;

use phoenix_core::{StepId, engine::Event};

use super::{
    number,
    paint::{CREATE, ERROR, FAINT, WARNING, paint},
};

/// Returns the line that is worth showing for an event, if there is one. `done` and `total` count steps.
pub(crate) fn line(event: &Event, done: usize, total: usize) -> Option<String> {
    let width = total.to_string().len();
    let counter = paint(FAINT, &format!("[{done:width$}/{total}]"));
    match event {
        Event::Round { number: 1, steps } => Some(format!("{} to do", number(*steps, "step"))),
        Event::Round { number: round, steps } => {
            Some(format!("round {round}: {} more to do", number(*steps, "step")))
        }
        Event::Finished { step, took } => {
            Some(format!("{counter} {} {step}  {}", paint(CREATE, "done"), seconds(*took)))
        }
        Event::Failed { step, took, message } => {
            Some(format!("{counter} {} {step}  {}: {message}", paint(ERROR, "failed"), seconds(*took)))
        }
        Event::Retried { step, reason, pause } => {
            Some(format!("{counter} {} {step}  in {}: {reason}", paint(WARNING, "again"), seconds(*pause)))
        }
        Event::Stopping { running, left } => Some(stopping(*running, *left)),
        Event::Notice { text } => Some(text.clone()),
        // Root causes only: what is skipped is counted at the end.
        Event::Started { .. } | Event::Progress { .. } | Event::Skipped { .. } => None,
    }
}

/// Returns what is said at the first Ctrl-C.
pub(crate) fn stopping(running: usize, left: usize) -> String {
    format!(
        "{}: {} end first, {} not begun; Ctrl-C again abandons what runs",
        paint(WARNING, "stopping"),
        number(running, "running step"),
        if left == 1 { "1 is".to_owned() } else { format!("{left} are") },
    )
}

/// Returns a time that a person can read.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Returns the first few of some steps, and how many more there are.
pub(crate) fn some_steps<'a>(steps: impl ExactSizeIterator<Item = &'a StepId>) -> String {
    const SHOWN: usize = 4;
    let more = steps.len().saturating_sub(SHOWN);
    let shown: Vec<_> = steps.take(SHOWN).map(|step| format!("`{step}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_the_units_that_matter() {
        let times = [0.04, 59.94, 61.0, 3_720.0].map(|time| seconds(Duration::from_secs_f64(time)));
        assert_eq!(times, ["0.0 s", "59.9 s", "1 min 1 s", "1 h 2 min"]);
    }
}
