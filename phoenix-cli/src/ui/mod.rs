//! What the user sees, and the only place that writes it: data to standard output, all else to standard error,
//! nothing that depends on colour. With `--json` both speak JSON, a value a line.

mod complaint;
mod difference;
mod lines;
mod outcome;
mod paint;
mod plan;
mod progress;
mod table;

use std::{
    cell::RefCell,
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use phoenix_config::{Sources, summary};
use phoenix_core::{Diagnostics, Facts, Plan};
use serde::Serialize;

pub(crate) use complaint::records;
pub(crate) use plan::{Tally, step};
pub(crate) use progress::Progress;
pub(crate) use table::Table;

use crate::error::Error;

/// How many warnings are shown in full where they are not what was asked for.
const FEW: usize = 10;

/// The user's screen.
pub(crate) struct Ui {
    json: bool,
    verbose: u8,
    /// The first failure to write to standard output.
    broken: RefCell<Option<io::Error>>,
}

impl Ui {
    /// Returns a screen, and lets traces appear on it if they are wanted.
    pub(crate) fn new(json: bool, verbose: u8) -> Self {
        if verbose > 0 {
            let level = if verbose > 1 { tracing::Level::DEBUG } else { tracing::Level::INFO };
            let subscriber = tracing_subscriber::fmt()
                .with_writer(io::stderr)
                .with_ansi(false)
                .with_max_level(level)
                .without_time();
            // A second screen in one process keeps the first one's traces.
            let _ = subscriber.try_init();
        }
        Self { json, verbose, broken: RefCell::new(None) }
    }

    /// Tells whether data is wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line of data.
    pub(crate) fn data(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// Writes data as it is.
    pub(crate) fn write(&self, bytes: &[u8]) {
        if self.broken.borrow().is_some() {
            return;
        }
        let mut stdout = anstream::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            *self.broken.borrow_mut() = Some(error);
        }
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn record<T: Serialize>(&self, value: &T) -> Result<(), Error> {
        self.data(&serde_json::to_string(value).map_err(Error::Json)?);
        Ok(())
    }

    /// Writes a value as JSON that a person can read.
    pub(crate) fn document<T: Serialize>(&self, value: &T) -> Result<(), Error> {
        self.data(&serde_json::to_string_pretty(value).map_err(Error::Json)?);
        Ok(())
    }

    /// Says something beside the data.
    pub(crate) fn say(&self, text: &str) {
        complain(text);
    }

    /// Shows findings: all if one is an error or there are few, else how many there are.
    pub(crate) fn findings(&self, findings: &Diagnostics, sources: &Sources) {
        if findings.is_empty() {
            return;
        }
        let is_short = findings.has_errors() || self.verbose > 0 || findings.iter().count() <= FEW;
        if is_short {
            self.all_findings(findings, sources);
        } else if !self.json {
            complain(&format!("{}: `phoenix validate` shows them", summary(findings)));
        }
    }

    /// Shows what there is to say to a plan: in a line each if there is much, for no other verb says it again.
    pub(crate) fn notes(&self, notes: &Diagnostics, sources: &Sources) {
        let is_short = notes.has_errors() || self.verbose > 0 || notes.iter().count() <= FEW;
        if is_short || self.json {
            return self.all_findings(notes, sources);
        }
        complain(&complaint::lines(notes));
        complain(&format!("{}: `-v` shows where they come from and what to do", summary(notes)));
    }

    /// Shows all findings.
    pub(crate) fn all_findings(&self, findings: &Diagnostics, sources: &Sources) {
        complain_all(&complaint::findings(findings, sources, self.json));
    }

    /// Shows a plan, and what there is to say to it.
    pub(crate) fn plan(&self, plan: &Plan, sources: &Sources) {
        self.notes(&plan.notes, sources);
        match plan.is_empty() {
            true => self.data("nothing to do"),
            false => self.data(&format!("{}\n\n{}", plan::steps(plan), Tally::of(plan).sentence())),
        }
        if !plan.held.is_empty() {
            self.data(&format!("\nWaits for a reboot:\n{}", plan::held(&plan.held)));
        }
    }

    /// Shows how a plan changes the files of hosts that are there.
    pub(crate) fn differences(&self, plan: &Plan, facts: &Facts) {
        if !self.json {
            difference::files(plan, facts).iter().for_each(|text| self.say(text));
        }
    }

    /// Shows an error: what, why, and what to do.
    pub(crate) fn error(&self, error: &Error) {
        complain_all(&complaint::error(error, self.json));
    }

    /// Returns something that shows what happens while a plan is executed.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(self.json, io::stderr().is_terminal() && self.verbose == 0)
    }

    /// Asks a question that is answered with yes or no.
    pub(crate) fn ask(&self, question: &str) -> Result<(), Error> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Error::NoTerminal);
        }
        match answer_to(&format!("{question} [y/N]")) {
            Ok(answer) if ["y", "yes"].contains(&answer.to_lowercase().as_str()) => Ok(()),
            Ok(_) | Err(_) => Err(Error::Declined),
        }
    }

    /// Asks for one of these words, letter by letter. Fails if another comes, or if there is no terminal.
    pub(crate) fn ask_for(&self, question: &str, words: &[&str]) -> Result<(), Error> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Error::NoTerminal);
        }
        match answer_to(question) {
            Ok(answer) if words.contains(&answer.as_str()) => Ok(()),
            Ok(_) | Err(_) => Err(Error::Declined),
        }
    }

    /// Returns the first failure to write data. A reader that has gone away (`phoenix plan | head`) is none.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.broken.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
            Some(_) | None => Ok(()),
        }
    }
}

/// Puts a question, and returns the line that is typed.
fn answer_to(question: &str) -> io::Result<String> {
    let mut stderr = anstream::stderr().lock();
    let mut answer = String::new();
    let _ = write!(stderr, "{question} ").and_then(|()| stderr.flush());
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Shows what is wrong with the command line, or the help that was asked for. The status 2 that other programs use
/// here means something else at this one.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Help and errors of clap go where they belong; if that place is gone there is nobody to tell.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

/// Returns a number of things in words.
pub(crate) fn number(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Writes a text that may be empty or of several lines to standard error.
fn complain_all(text: &str) {
    if !text.trim().is_empty() {
        complain(text.trim_end());
    }
}

/// Writes a line to standard error. If that is gone there is nobody to tell.
fn complain(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(stderr, "{text}");
}
