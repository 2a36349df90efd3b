//! `stop`: stops guests.

use clap::Args;
use phoenix_core::Power;

use super::{apply, powering};
use crate::{
    context::Context,
    error::{Error, Exit},
    targets,
};

/// Stop guests; only these, unless told otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix stop 101                      one guest\n  \
    phoenix stop Step-CA --with-dependents    and all that require it, those first")]
pub(crate) struct Stop {
    /// Vmids or names.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Stop also the guests that require these.
    #[arg(long)]
    with_dependents: bool,
}

impl Stop {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "stop", |resolved| {
            let mut chosen = targets::find(resolved, &self.targets)?;
            if self.with_dependents {
                chosen = resolved.with_dependents(&chosen);
            }
            Ok(powering(chosen, Power::Stopped))
        })
    }
}
