//! Progress: shows events as they come. On a terminal running steps spin under a bar of the whole; elsewhere ended
//! steps are lines; for machines every event is a line of JSON on standard output.

use std::{collections::BTreeMap, io::Write, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use phoenix_core::{StepId, engine::Event};

use super::{complain, lines};

/// How many running steps have a line of their own: a terminal has not many more lines.
const SHOWN: usize = 12;

/// Shows events.
pub(crate) struct Progress {
    done: usize,
    total: usize,
    face: Face,
}

enum Face {
    Json,
    Lines,
    Bars(Bars),
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<StepId, Option<ProgressBar>>,
}

impl Progress {
    pub(super) fn new(json: bool, is_terminal: bool) -> Self {
        let face = match (json, is_terminal) {
            (true, _) => Face::Json,
            (false, true) => Face::Bars(Bars::new()),
            (false, false) => Face::Lines,
        };
        Self { done: 0, total: 0, face }
    }

    /// Shows an event.
    pub(crate) fn see(&mut self, event: &Event) {
        match event {
            Event::Round { steps, .. } => (self.done, self.total) = (0, *steps),
            Event::Finished { .. } | Event::Failed { .. } | Event::Skipped { .. } => self.done += 1,
            Event::Started { .. }
            | Event::Progress { .. }
            | Event::Retried { .. }
            | Event::Stopping { .. }
            | Event::Notice { .. } => {}
        }
        let line = lines::line(event, self.done, self.total);
        match &mut self.face {
            Face::Json => {
                let mut stdout = std::io::stdout().lock();
                // A reader that has gone away does not stop the work.
                let _ = serde_json::to_writer(&mut stdout, event)
                    .map_err(std::io::Error::from)
                    .and_then(|()| writeln!(stdout));
            }
            Face::Lines => {
                if let Some(line) = line {
                    complain(&line);
                }
            }
            Face::Bars(bars) => bars.see(event, line, self.done, self.total),
        }
    }

    /// Takes everything that moves off the screen.
    pub(crate) fn end(self) {
        match self.face {
            Face::Json | Face::Lines => {}
            Face::Bars(bars) => {
                bars.total.finish_and_clear();
                // A terminal that has gone away needs no clearing.
                let _ = bars.all.clear();
            }
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(0));
        total.set_style(style("{bar:30} {pos}/{len} steps  {elapsed}  {msg}"));
        Self { all, total, running: BTreeMap::new() }
    }

    fn see(&mut self, event: &Event, line: Option<String>, done: usize, total: usize) {
        if let Some(line) = line {
            // The line above the bars is for the eye only; a terminal that does not take it is gone.
            let _ = self.all.println(for_terminal(&line));
        }
        match event {
            Event::Round { .. } => {
                self.total.set_length(total as u64);
                self.total.enable_steady_tick(Duration::from_millis(100));
            }
            Event::Started { step } => self.begin(step),
            Event::Progress { step, text } => {
                if let Some(Some(bar)) = self.running.get(step) {
                    bar.set_message(format!("{step}  {text}"));
                }
            }
            Event::Finished { step, .. } | Event::Failed { step, .. } => self.end(step),
            Event::Skipped { .. } | Event::Retried { .. } | Event::Stopping { .. } | Event::Notice { .. } => {
            }
        }
        self.total.set_position(done as u64);
        let hidden = self.running.values().filter(|bar| bar.is_none()).count();
        self.total.set_message(if hidden > 0 { format!("{hidden} more running") } else { String::new() });
    }

    fn begin(&mut self, step: &StepId) {
        let shown = self.running.values().flatten().count();
        let bar = (shown < SHOWN).then(|| {
            let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {msg}  {elapsed}"));
            bar.set_message(step.to_string());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        self.running.insert(step.clone(), bar);
    }

    fn end(&mut self, step: &StepId) {
        if let Some(Some(bar)) = self.running.remove(step) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates stand above and are well formed")
        .progress_chars("=> ")
}

/// Returns a line as the terminal shall get it: indicatif writes past the stream that takes colours out.
fn for_terminal(line: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(line).to_string(),
        anstream::ColorChoice::Auto | anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => {
            line.to_owned()
        }
    }
}
