//! Real containers: a plan for linked clones against a script that does the same with the tools of LXC alone, in the same
//! sandbox, on the same image.

mod lab;
mod rig;

use std::{collections::BTreeSet, error::Error, path::Path};

use serde_json::{Value, json};

use crate::sandboxed;
use rig::{NODE, Rig};

/// How often each is measured; the better time counts.
const ROUNDS: usize = 2;
/// How long the larger number may take, in seconds, unless everything is asked for.
const LONGEST: f64 = 90.0;

/// Measures so many containers and, where it does not take too long, a larger number; prints the figures.
pub(crate) fn run(size: u32, large: u32, is_all: bool) -> Result<(), Box<dyn Error>> {
    sandboxed::run(&[NODE], async move |dir| {
        measure(&dir, size, large, is_all).await.map_err(|error| error.to_string())
    })
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
