//! What a run would do, told and not done.

use std::time::Instant;

use phoenix_core::{Facts, Plan, planner::Request};
use serde::Serialize;

use crate::{config::Config, context::Context, error::Error, host::Host, runner, ui::Tally};

/// The plan for a request, what it was made from, and what it took to make it.
pub(super) struct Forecast {
    pub(super) plan: Plan,
    pub(super) facts: Facts,
    cost: Cost,
}

/// A plan for machines.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    summary: Tally,
    cost: &'a Cost,
}

/// What it took to make the plan.
#[derive(Serialize)]
struct Cost {
    calls: u64,
    bytes: u64,
    wall_ms: u128,
}

impl Forecast {
    /// Looks at a host and plans.
    pub(super) async fn of(config: &Config, host: &Host, request: &Request) -> Result<Self, Error> {
        let (begun, before) = (Instant::now(), host.calls());
        let facts = runner::gather(config, host, request).await?;
        let mut plan = runner::plan(config, request, &facts)?.plan;
        runner::foresee(host, &mut plan).await;
        config.loaded.sources.locate(&mut plan.notes);
        let after = host.calls();
        let cost = Cost {
            calls: after.count - before.count,
            bytes: after.bytes - before.bytes,
            wall_ms: begun.elapsed().as_millis(),
        };
        Ok(Self { plan, facts, cost })
    }

    /// Shows it, to a person or to a machine.
    pub(super) fn show(&self, context: &Context, config: &Config) -> Result<(), Error> {
        if context.ui.is_json() {
            let (plan, cost) = (&self.plan, &self.cost);
            return context.ui.document(&Record { plan, summary: Tally::of(plan), cost });
        }
        context.ui.plan(&self.plan, &config.loaded.sources);
        Ok(())
    }
}
