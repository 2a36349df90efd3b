//! Real containers: a plan for linked clones against a script that does the same with the tools of LXC alone, in the same
//! sandbox, on the same image.

mod lab;
mod rig;

use std::{collections::BTreeSet, error::Error, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use rig::Rig;

/// How often each is measured; the better time counts.
const ROUNDS: usize = 2;
/// How long the larger number may take, in seconds, unless everything is asked for.
const LONGEST: f64 = 90.0;

/// Measures so many containers and, where it does not take too long, a larger number; prints the figures.
pub(crate) fn run(size: u32, large: u32, is_all: bool) -> Result<(), Box<dyn Error>> {
    let lacking = phoenix_sandbox::lacking();
    if !lacking.is_empty() {
        let reasons: Vec<String> = lacking.iter().map(ToString::to_string).collect();
        println!("{}", json!({ "skipped": reasons.join("; ") }));
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let dir = tempfile::Builder::new().prefix("phoenix-bench-").tempdir()?;
    let measured = runtime.block_on(measured(&dir, size, large, is_all));
    // The task may still hold the node: what it began is ended before its directory goes.
    let cleared = runtime.block_on(rig::clear(dir.path()));
    drop(runtime);
    println!("{}", measured?);
    cleared?;
    Ok(dir.close()?)
}

/// Measures in a task of its own, so that neither a panic nor an interrupt leaves containers behind.
async fn measured(dir: &TempDir, size: u32, large: u32, is_all: bool) -> Result<Value, Box<dyn Error>> {
    let path = dir.path().to_owned();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut task = tokio::spawn(async move {
        let measured = measure(&path, size, large, is_all).await;
        measured.map_err(|error| error.to_string())
    });
    tokio::select! {
        done = &mut task => Ok(done??),
        interrupted = tokio::signal::ctrl_c() => {
            task.abort();
            interrupted?;
            Err("interrupted".into())
        }
        _ = terminated.recv() => {
            task.abort();
            Err("terminated".into())
        }
    }
}

async fn measure(dir: &Path, size: u32, large: u32, is_all: bool) -> Result<Value, Box<dyn Error>> {
    let rig = match Rig::begin(dir).await? {
        Ok(rig) => rig,
        Err(reason) => return Ok(json!({ "skipped": reason })),
    };
    let mut figures = json!({});
    let (mut plan, mut hand, mut down_plan, mut down_hand) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // The second of a round finds the page cache warmer, so they take turns.
        for is_plan in [round % 2 == 0, round % 2 != 0] {
            if is_plan {
                let up = rig.up(size).await?;
                let (left, again) = rig.again(size).await?;
                (figures["running"], figures["others"]) = both(rig.running(size).await?);
                figures["steps"] = json!(up.steps);
                figures["at_once"] = json!(up.starts_at_once);
                figures["left"] = json!(left);
                figures["again"] = json!(again);
                plan.push(up.wall);
                down_plan.push(rig.stop(size).await?);
                rig.remove(size).await?;
            } else {
                hand.push(rig.by_hand("up", size).await?);
                down_hand.push(rig.by_hand("down", size).await?);
            }
        }
    }
    for (name, times) in [("plan", &plan), ("hand", &hand), ("stop", &down_plan), ("hand_stop", &down_hand)] {
        figures[name] = json!(best(times));
    }
    figures["each"] = json!({ "plan": plan, "hand": hand });
    let expected = best(&plan) * f64::from(large) / f64::from(size);
    if is_all || expected < LONGEST {
        figures["large"] = json!(rig.up(large).await?.wall);
        (figures["large_running"], figures["large_others"]) = both(rig.running(large).await?);
    }
    Ok(figures)
}

fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn both((running, others): (usize, BTreeSet<String>)) -> (Value, Value) {
    (json!(running), json!(others))
}
