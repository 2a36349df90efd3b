//! `start`: starts guests.

use clap::Args;
use phoenix_core::Power;

use super::{apply, powering};
use crate::{
    context::Context,
    error::{Error, Exit},
    targets,
};

/// Start guests; only these.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  phoenix start 101 Portainer    two guests, those that are required first"
)]
pub(crate) struct Start {
    /// Vmids or names.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
}

impl Start {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "start", |resolved| {
            Ok(powering(targets::find(resolved, &self.targets)?, Power::Running))
        })
    }
}
