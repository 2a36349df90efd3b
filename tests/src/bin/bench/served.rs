//! A no-op plan against a served node: over HTTPS, with the latencies of a real node and its three workers.

use std::{error::Error, sync::Arc, time::Instant};

use phoenix_core::{
    engine::{Cancel, Events, execute, gather},
    planner::{self, Request, Resolved},
};
use phoenix_node::{Latency, Node, Options, ServeOptions, Server};
use phoenix_pve::{Credentials, Https, Limits, PveBackend, Trust};
use serde_json::json;

use crate::{generate, planning::said};

/// Brings a lab up in process, serves its node, plans over HTTPS, and prints what that cost.
pub(crate) fn run(size: u32) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(size))?;
    println!("{figures}");
    Ok(())
}

async fn measure(size: u32) -> Result<serde_json::Value, Box<dyn Error>> {
    let node = Node::in_memory(Options { speed: f64::INFINITY, ..generate::options() });
    let lab = generate::lab(size);
    let resolved = Resolved::new(&lab.registry, &lab.desired).map_err(said)?;
    let request = Request::converge_all();
    let inside = PveBackend::new(node.clone(), node.clone(), node.name(), Limits::default());
    let facts = gather(&resolved, &request, &inside).await.map_err(said)?;
    let plan = planner::plan(&resolved, &request, &facts).map_err(said)?;
    let outcome = execute(&plan, &inside, &Events::silent(), &Cancel::default()).await;
    if let Some(failure) = outcome.failed.first() {
        return Err(format!("`{}` failed: {}", failure.step, failure.error).into());
    }
    let mut row = json!({});
    for (name, latency) in [("plain", Latency::None), ("real", Latency::Real)] {
        let (calls, wall) = plan_over_https(&node, &resolved, &request, latency).await?;
        row["calls"] = json!(calls);
        row[name] = json!(wall);
    }
    Ok(row)
}

async fn plan_over_https(
    node: &Arc<Node>,
    resolved: &Resolved,
    request: &Request,
    latency: Latency,
) -> Result<(u64, f64), Box<dyn Error>> {
    let listen = "127.0.0.1:0".parse()?;
    let server =
        Server::start(node.clone(), ServeOptions { listen, latency, ..ServeOptions::default() }).await?;
    let trust = Trust::Fingerprint(server.fingerprint().unwrap_or_default().to_owned());
    let token = Credentials::Token(server.token().to_owned());
    let https = Arc::new(Https::new(&server.url(), &trust, token)?);
    let backend = PveBackend::new(https.clone(), node.clone(), node.name(), Limits::default());
    let begun = Instant::now();
    let facts = gather(resolved, request, &backend).await.map_err(said)?;
    let left = planner::plan(resolved, request, &facts).map_err(said)?.steps.len();
    let wall = begun.elapsed().as_secs_f64();
    let calls = https.calls();
    server.stop().await;
    if left > 0 {
        return Err(format!("the plan over HTTPS has {left} steps and should have none").into());
    }
    Ok((calls, wall))
}
