//! Planning: a lab from nothing, and a lab from the facts that say that all is well.

use std::{error::Error, fs::File, io::BufReader};

use phoenix_core::{
    Facts,
    engine::gather,
    planner::{self, Request, Resolved},
};
use phoenix_node::Node;
use phoenix_pve::{Limits, PveBackend};
use serde_json::json;

use crate::{cost, generate};

/// Plans a lab on an empty node, and prints what it cost.
pub(crate) fn from_nothing(size: u32) -> Result<(), Box<dyn Error>> {
    let runtime = runtime()?;
    let (node, backend) = runtime.block_on(async { open() });
    let (facts, calls) = runtime
        .block_on(async {
            let lab = generate::lab(size);
            let resolved = Resolved::new(&lab.registry, &lab.desired)?;
            let before = node.calls().count;
            let facts = gather(&resolved, &Request::converge_all(), &backend).await?;
            Ok::<_, phoenix_core::Diagnostics>((facts, node.calls().count - before))
        })
        .map_err(said)?;
    plan(size, &facts, calls)
}

/// Plans a lab from stored facts, and prints what it cost.
pub(crate) fn from_facts(size: u32, path: &str) -> Result<(), Box<dyn Error>> {
    let facts: Facts = serde_json::from_reader(BufReader::new(File::open(path)?))?;
    plan(size, &facts, 0)
}

fn plan(size: u32, facts: &Facts, calls: u64) -> Result<(), Box<dyn Error>> {
    let lab = generate::lab(size);
    cost::forget_peak();
    let (planned, cost) = cost::of(|| {
        let resolved = Resolved::new(&lab.registry, &lab.desired)?;
        planner::plan(&resolved, &Request::converge_all(), facts)
    });
    let steps = planned.map_err(said)?.steps.len();
    let (wall, cpu) = (cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
    println!("{}", json!({ "calls": calls, "steps": steps, "wall": wall, "cpu": cpu, "peak": cost::peak() }));
    Ok(())
}

/// Returns an empty node and a backend on it. Needs a runtime around it.
pub(crate) fn open() -> (std::sync::Arc<Node>, PveBackend) {
    let node = Node::in_memory(generate::options());
    let limits = Limits { poll_floor: std::time::Duration::from_millis(5), ..Limits::default() };
    let backend = PveBackend::new(node.clone(), node.clone(), node.name(), limits);
    (node, backend)
}

/// Returns a runtime whose clock jumps to whatever comes next when there is nothing to do.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}

/// Returns diagnostics as one error.
pub(crate) fn said(diagnostics: phoenix_core::Diagnostics) -> Box<dyn Error> {
    let messages: Vec<String> =
        diagnostics.into_iter().take(5).map(|diagnostic| diagnostic.message).collect();
    messages.join("; ").into()
}
