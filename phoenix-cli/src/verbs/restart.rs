//! `restart`: stops guests and starts them again.

use clap::Args;
use phoenix_core::Power;

use super::{apply, powering};
use crate::{
    context::Context,
    error::{Error, Exit},
    targets,
};

/// Stop and start guests; only these.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  phoenix restart 101 Portainer    two guests, those that are required first"
)]
pub(crate) struct Restart {
    /// Vmids or names.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
}

impl Restart {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "restart", |resolved| {
            Ok(powering(targets::find(resolved, &self.targets)?, Power::Restarted))
        })
    }
}
