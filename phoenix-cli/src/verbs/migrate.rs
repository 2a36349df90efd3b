//! `migrate`: turns the files of the scripts that Phoenix replaces into clean ones.

use std::path::PathBuf;

use clap::Args;

use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Turn the predecessor's files into clean ones, and explain each change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix migrate /etc/phoenix-old --out /etc/phoenix")]
pub(crate) struct Migrate {
    /// The directory with the predecessor's files.
    #[arg(value_name = "OLD_DIR")]
    old: PathBuf,
    /// The directory for the clean files; new, empty, or written by an earlier migration.
    #[arg(long, value_name = "NEW_DIR")]
    out: PathBuf,
}

impl Migrate {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let features = context.registry().features().map(|feature| feature.descriptor().name.clone()).collect();
        let migrated = phoenix_config::migrate(&self.old, &self.out, &features).map_err(Error::Config)?;
        let _ = migrated;
        Ok(Exit::Done)
    }
}
