//! `create`: some guests and what they require.

use clap::Args;

use super::{apply, converging};
use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Create guests, with the templates and services that they require.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix create 101              the guest with the vmid 101\n  \
    phoenix create Traefik Step-CA  two guests by name")]
pub(crate) struct Create {
    /// Vmids or names.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
}

impl Create {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "create", |resolved| converging(resolved, &self.targets, None))
    }
}
