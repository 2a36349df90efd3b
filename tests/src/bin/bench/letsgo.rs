//! Bringing a lab up on the embedded node in virtual time: how near the engine comes to the bound, and what it costs
//! to get there.

use std::{collections::BTreeMap, error::Error, fs::File, io::BufWriter, time::Duration};

use phoenix_core::{
    Backend, Demand, Facts, StepId,
    engine::{Cancel, Event, Events, execute, gather},
    planner::{self, Request, Resolved},
};
use serde_json::{Value, json};

use crate::{
    bound::bound,
    cost, generate,
    planning::{open, runtime, said},
};

/// Brings a lab up, writes down the facts at the end, and prints what it cost.
pub(crate) fn run(size: u32, path: &str) -> Result<(), Box<dyn Error>> {
    let runtime = runtime()?;
    let (done, cost) = cost::of(|| runtime.block_on(bring_up(size)));
    let (mut figures, facts) = done?;
    serde_json::to_writer(BufWriter::new(File::create(path)?), &facts)?;
    figures["wall"] = json!(cost.wall.as_secs_f64());
    figures["cpu"] = json!(cost.cpu.as_secs_f64());
    println!("{figures}");
    Ok(())
}

async fn bring_up(size: u32) -> Result<(Value, Facts), Box<dyn Error>> {
    let (node, backend) = open();
    let lab = generate::lab(size);
    let resolved = Resolved::new(&lab.registry, &lab.desired).map_err(said)?;
    let request = Request::converge_all();
    let facts = gather(&resolved, &request, &backend).await.map_err(said)?;
    let plan = planner::plan(&resolved, &request, &facts).map_err(said)?;
    let demands: Vec<Demand> = plan.steps.iter().map(|step| backend.demand(step)).collect();
    let (events, mut listener) = Events::channel();
    let before = node.calls().count;
    let (outcome, took) = tokio::join!(
        async {
            let outcome = execute(&plan, &backend, &events, &Cancel::default()).await;
            // The listener ends when the last sender is gone.
            drop(events);
            outcome
        },
        async {
            let mut all: BTreeMap<StepId, Duration> = BTreeMap::new();
            while let Some(event) = listener.recv().await {
                if let Event::Finished { step, took } = event {
                    all.insert(step, took);
                }
            }
            all
        }
    );
    let calls = node.calls().count - before;
    let peak = cost::peak();
    if let Some(failure) = outcome.failed.first() {
        return Err(format!("`{}` failed: {}", failure.step, failure.error).into());
    }
    let bound = bound(&plan, &demands, &took);
    let before = node.calls().count;
    let facts = gather(&resolved, &request, &backend).await.map_err(said)?;
    let looking = node.calls().count - before;
    let left = planner::plan(&resolved, &request, &facts).map_err(said)?.steps.len();
    let figures = json!({
        "steps": plan.steps.len(), "left": left, "calls": calls, "looking": looking, "peak": peak,
        "took": outcome.took.as_secs_f64(), "path": bound.path.as_secs_f64(), "lock": bound.lock.as_secs_f64(),
        "name": bound.name, "bound": bound.total().as_secs_f64(),
    });
    Ok((figures, facts))
}
