//! `plan`: what would be done, and why; changes nothing.

use clap::Args;
use phoenix_core::{Plan as Steps, planner::Survey};
use serde::Serialize;

use super::{converging, strays};
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner,
    ui::Tally,
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

/// A plan for machines.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    plan: &'a Steps,
    summary: Tally,
    cost: Cost,
}

/// What it took to make the plan.
#[derive(Serialize)]
struct Cost {
    calls: u64,
    bytes: u64,
    wall_ms: u128,
}

impl Plan {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let request = converging(&config.resolved, &self.targets, self.rebuild.as_deref())?
            .with_strays(strays(self.migrate));
        let begun = std::time::Instant::now();
        let (survey, calls) = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let before = host.calls();
            let facts = runner::gather(&config, &host, &request).await?;
            let mut survey = runner::plan(&config, &request, &facts)?;
            runner::foresee(&host, &mut survey.plan).await;
            let after = host.calls();
            Ok((survey, (after.count - before.count, after.bytes - before.bytes)))
        })?;
        let Survey { mut plan, .. } = survey;
        config.loaded.sources.locate(&mut plan.notes);
        let cost = Cost { calls: calls.0, bytes: calls.1, wall_ms: begun.elapsed().as_millis() };
        if context.ui.is_json() {
            context.ui.document(&Record { plan: &plan, summary: Tally::of(&plan), cost })?;
        } else {
            context.ui.plan(&plan, &config.loaded.sources);
        }
        Ok(if self.detailed_exitcode && !plan.is_empty() { Exit::Pending } else { Exit::Done })
    }
}
