//! All that the chores print.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

use std::time::Duration;

/// Prints a line of a result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints that a stage begins.
pub(crate) fn begin(stage: &str, what: &str) {
    eprintln!("\n==> {stage}: {what}");
}

/// Prints how a stage ended.
pub(crate) fn end(stage: &str, is_good: bool, took: Duration) {
    let word = if is_good { "ok" } else { "FAILED" };
    eprintln!("<== {stage}: {word} in {:.1} s", took.as_secs_f64());
}

/// Prints that something was left out, and why.
pub(crate) fn skipped(stage: &str, why: &str) {
    eprintln!("\n--- {stage}: skipped: {why}");
}

/// Prints what went wrong.
pub(crate) fn error(message: &str) {
    eprintln!("error: {message}");
}
