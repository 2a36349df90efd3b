//! The network plane of the example lab on the real engine, from nothing: one `phoenix letsgo` against a script that does
//! the same by hand, on the same host, from the same stores, checked by the same client outside.

mod host;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::{Value, json};

use crate::sandboxed;
use host::{Phoenix, Stores};

/// How often each is measured; the better time counts.
const ROUNDS: usize = 2;
/// Where each of both works.
const NODES: [&str; 2] = ["phoenix", "hand"];
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What belongs to the plane: the gateway, the router, the authority, the guests with Docker and their stacks, the host and
/// the firewall. What they stand on comes with them.
const PARTS: [&str; 9] = [
    "101",
    "102",
    "103",
    "1001",
    "1002",
    "stacks/production",
    "host/phoenix/crown",
    "firewall/cluster",
    "firewall/node-phoenix",
];

const BY_HAND: &str = include_str!("by_hand.sh");
/// Where the host trusts the authority, for Phoenix and by the script.
const PHOENIX_ROOT: &str = "/usr/local/share/ca-certificates/phoenix-step-ca.crt";
const HAND_ROOT: &str = "/usr/local/share/ca-certificates/lab.crt";

/// Measures both and prints the figures.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("phoenix");
    if !program.exists() {
        println!("{}", json!({ "skipped": "no `phoenix` beside this program: build phoenix-cli first" }));
        return Ok(());
    }
    sandboxed::run(
        &NODES,
        |dir| async move { measure(&dir, &program).await.map_err(|error| error.to_string()) },
    )
}

async fn measure(dir: &Path, program: &Path) -> Result<Value, Box<dyn Error>> {
    let stores = match Stores::find(dir).await {
        Ok(stores) => stores,
        Err(reason) => return Ok(json!({ "skipped": reason })),
    };
    let lab = Path::new(ROOT).join("examples/homelab");
    let phoenix = Phoenix { program, lab: &lab, stores: &stores };
    let (mut plans, mut scripts) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // The second of a round finds the page cache warmer, so they take turns.
        for is_phoenix in [round % 2 == 0, round % 2 != 0] {
            if is_phoenix {
                plans.push(letsgo(&phoenix, &dir.join(NODES[0])).await?);
            } else {
                scripts.push(by_hand(&phoenix, &dir.join(NODES[1])).await?);
            }
        }
    }
    Ok(json!({
        "phoenix": best(&plans),
        "hand": best(&scripts),
        "each": { "phoenix": plans, "hand": scripts },
        "script_lines": lines(BY_HAND),
        "lab_lines": written(&lab)?,
    }))
}

/// Brings the plane up by one command; tells how long that took.
async fn letsgo(phoenix: &Phoenix<'_>, node: &Path) -> Result<f64, Box<dyn Error>> {
    let host = phoenix.host(node).await?;
    let begun = Instant::now();
    phoenix.run(node, &[&["letsgo"][..], &PARTS].concat()).await?;
    let took = begun.elapsed().as_secs_f64();
    host.check(PHOENIX_ROOT).await.map_err(|wrong| format!("by Phoenix: {wrong}"))?;
    host.end().await?;
    Ok(took)
}

/// Brings it up by the script; tells how long that took.
async fn by_hand(phoenix: &Phoenix<'_>, node: &Path) -> Result<f64, Box<dyn Error>> {
    let host = phoenix.host(node).await?;
    let begun = Instant::now();
    host.script(BY_HAND, &phoenix.lab.join("stacks"), phoenix.stores).await?;
    let took = begun.elapsed().as_secs_f64();
    host.check(HAND_ROOT).await.map_err(|wrong| format!("by hand: {wrong}"))?;
    host.end().await?;
    Ok(took)
}

fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Counts the lines that say something.
fn lines(text: &str) -> usize {
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//");
    text.lines().map(str::trim).filter(says).count()
}

/// Counts those of a lab's files. The compose files are given to both.
fn written(lab: &Path) -> std::io::Result<usize> {
    let folders = [lab.to_owned(), lab.join("stacks/service-a"), lab.join("stacks/service-b")];
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        files.extend(fs::read_dir(folder)?.flatten().map(|entry| entry.path()));
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.iter().map(|file| fs::read_to_string(file).map(|text| lines(&text))).sum()
}
