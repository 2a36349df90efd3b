//! `plan`: what would be done, and why; changes nothing.

use clap::Args;

use super::{converging, forecast::Forecast, strays};
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
};

/// Show what would be done, a line a step: what changes from what to what, and why.
///
/// The signs: + creates, ~ changes, - deletes, > starts or stops, ? waits and checks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix plan                        everything\n  \
    phoenix plan 101                    one guest and what it requires\n  \
    phoenix plan --detailed-exitcode    exits with 2 if there is something to do\n  \
    phoenix --json plan                 for machines")]
pub(crate) struct Plan {
    /// Vmids or names; everything if there are none. A target brings what it requires.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Plan also to bring guests to the node that their configuration names if they are on another one: a container that runs is
    /// restarted there, a virtual machine goes on running.
    #[arg(long)]
    migrate: bool,
    /// Plan also to make anew what stands on an older layer: all of it, or only these.
    #[arg(long, value_name = "TARGET", num_args = 0..)]
    rebuild: Option<Vec<String>>,
    /// Exit with 2 if there is something to do.
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let request = converging(&config.resolved, &self.targets, self.rebuild.as_deref())?
            .with_strays(strays(self.migrate));
        let forecast = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            Forecast::of(&config, &host, &request).await
        })?;
        forecast.show(context, &config)?;
        Ok(if self.detailed_exitcode && !forecast.plan.is_empty() { Exit::Pending } else { Exit::Done })
    }
}
