//! `migrate`: turns the files of the scripts that Phoenix replaces into clean ones.

use std::path::PathBuf;

use clap::Args;
use phoenix_config::{ConfigError, Explained, Sources};

use crate::{
    context::Context,
    error::{Error, Exit},
    ui::number,
};

/// Turn the predecessor's files into clean ones, and explain each change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix migrate /etc/phoenix-old --out /etc/phoenix")]
pub(crate) struct Migrate {
    /// The directory with the predecessor's files; it is only read.
    #[arg(value_name = "OLD_DIR")]
    old: PathBuf,
    /// The directory for the clean files: new, empty, or written by an earlier migration.
    #[arg(long, value_name = "NEW_DIR")]
    out: PathBuf,
}

impl Migrate {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let changes = phoenix_config::migrate(&self.old, &self.out).map_err(|error| {
            match &error {
                ConfigError::Unreadable { findings, .. } | ConfigError::StillBroken { findings } => {
                    context.ui.all_findings(findings, &Sources::default());
                }
                ConfigError::UnknownKind(_) | ConfigError::Occupied { .. } | ConfigError::Io { .. } => {}
            }
            Error::Config(error)
        })?;
        if context.ui.is_json() {
            for change in &changes {
                context.ui.record(change)?;
            }
            return Ok(Exit::Done);
        }
        for change in &changes {
            context.ui.data(&explain(change));
        }
        let out = self.out.display();
        context.ui.data(&format!("{}; the clean files are in `{out}`", number(changes.len(), "change")));
        context.ui.say(&format!("`phoenix --config-dir {out} validate` checks them"));
        Ok(Exit::Done)
    }
}

fn explain(change: &Explained) -> String {
    let Explained { place, what, why } = change;
    let place = match place.line {
        0 => format!("{}{}", place.file, place.path),
        line => format!("{}:{line}", place.file),
    };
    format!("{place}: {what} ({why})")
}
