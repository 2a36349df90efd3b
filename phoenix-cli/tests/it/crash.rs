//! A run that is killed at any moment: the next one ends where an undisturbed one does.

#![allow(clippy::disallowed_methods, reason = "a test that kills at a moment waits for it")]

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{Lab, obstacle};

/// How many times faster than usual the node's tasks run: the lab comes up in about a second.
const SPEED: &str = "15";
/// How many moments are tried.
const MOMENTS: usize = 20;

/// A node directory of a test's own, and what is wanted of its node.
struct Bed<'a> {
    engine: &'static str,
    config: &'a Path,
    dir: TempDir,
}

impl<'a> Bed<'a> {
    fn new(engine: &'static str, config: &'a Path) -> Self {
        Self { engine, config, dir: TempDir::new().expect("a temporary directory") }
    }

    /// The example lab on a simulated node.
    fn homelab() -> Self {
        Self::new("sim", Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/homelab")))
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let swept = phoenix(self, &["node", "reset", "--yes"]).output();
        let is_swept = swept.as_ref().is_ok_and(|swept| swept.status.success());
        // A test that fails already says so; a second panic would hide it.
        assert!(thread::panicking() || is_swept, "{swept:?}");
    }
}

fn phoenix(bed: &Bed<'_>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
    command
        .arg("--config-dir")
        .arg(bed.config)
        .arg("--node-dir")
        .arg(bed.dir.path().join("node"))
        .args(["--host", "embedded", "--node-engine", bed.engine, "--node-speed", SPEED])
        .args(args)
        .stdin(Stdio::null());
    command
}

fn says(bed: &Bed<'_>, args: &[&str]) -> String {
    let output = phoenix(bed, args).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} failed:\n{said}");
    String::from_utf8(output.stdout).expect("text")
}

fn api(bed: &Bed<'_>, path: &str, params: &[&str]) -> Value {
    let call = ["node", "api", "GET", path];
    serde_json::from_str(&says(bed, &[&call, params].concat())).expect("JSON")
}

/// Returns all of a node that a run leaves, without what is random or tells the time.
fn portrait(bed: &Bed<'_>) -> Vec<String> {
    let nodes = api(bed, "/nodes", &[]);
    let name = nodes[0]["node"].as_str().expect("a name");
    let mut lines: Vec<String> = says(bed, &["--json", "status"]).lines().map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line.contains("healthy")), "{lines:#?}");
    for kind in ["lxc", "qemu"] {
        for row in api(bed, &format!("/nodes/{name}/{kind}"), &[]).as_array().expect("a list") {
            lines.push(format!("{kind} {} {} {}", row["vmid"], row["name"], row["status"]));
        }
    }
    for row in api(bed, &format!("/nodes/{name}/storage"), &[]).as_array().expect("a list") {
        let storage = row["storage"].as_str().expect("a name");
        let content = api(bed, &format!("/nodes/{name}/storage/{storage}/content"), &[]);
        let volumes = content.as_array().expect("a list").iter();
        lines.extend(volumes.map(|volume| format!("{} {}", volume["volid"], volume["size"])));
    }
    let running = api(bed, &format!("/nodes/{name}/tasks"), &["source=active"]);
    let running = running.as_array().expect("a list").iter().filter(|task| task["endtime"].is_null()).count();
    lines.push(format!("{running} tasks running"));
    lines.sort();
    lines
}

/// Returns numbers from 0 to 1 that look random and are the same on every run.
fn moments() -> impl Iterator<Item = f64> {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    })
}

fn killed_then_run_again(bed: &Bed<'_>, moment: Duration) -> Vec<String> {
    let mut child = phoenix(bed, &["letsgo"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    thread::sleep(moment);
    child.kill().expect("the child is ours");
    child.wait().expect("the child is ours");
    says(bed, &["letsgo"]);
    let said = says(bed, &["plan", "--detailed-exitcode"]);
    assert!(said.contains("nothing to do"), "killed after {moment:?}: {said}");
    portrait(bed)
}

#[test]
fn a_kill_at_twenty_random_moments_changes_nothing_in_the_end() {
    let bed = Bed::homelab();
    let begun = Instant::now();
    says(&bed, &["letsgo"]);
    let whole = begun.elapsed();
    let expected = portrait(&bed);
    let moments: Vec<Duration> = moments().take(MOMENTS).map(|share| whole.mul_f64(share)).collect();
    let expected = &expected;
    thread::scope(|scope| {
        for some in moments.chunks(MOMENTS / 2) {
            scope.spawn(move || {
                for &moment in some {
                    assert_eq!(
                        &killed_then_run_again(&Bed::homelab(), moment),
                        expected,
                        "killed after {moment:?}"
                    );
                }
            });
        }
    });
}

#[test]
fn a_kill_at_random_moments_changes_nothing_for_real_containers() {
    if let Some(why) = obstacle("ubuntu-24.04-standard") {
        println!("skipped: {why}");
        return;
    }
    let lab = Lab::new();
    let config = lab.config();
    let undisturbed = Bed::new("lxc", &config);
    let begun = Instant::now();
    says(&undisturbed, &["letsgo"]);
    let whole = begun.elapsed();
    let expected = portrait(&undisturbed);
    drop(undisturbed);
    // Each takes as long as two runs, so there are few.
    for share in moments().take(2) {
        let moment = whole.mul_f64(share);
        assert_eq!(
            killed_then_run_again(&Bed::new("lxc", &config), moment),
            expected,
            "killed after {moment:?}"
        );
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_still_arrives() {
    let bed = Bed::homelab();
    for share in moments().skip(MOMENTS).take(6) {
        let mut child = phoenix(&bed, &["letsgo"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        thread::sleep(Duration::from_secs_f64(0.1 + share / 4.0));
        child.kill().expect("the child is ours");
        child.wait().expect("the child is ours");
    }
    says(&bed, &["letsgo"]);
    let undisturbed = Bed::homelab();
    says(&undisturbed, &["letsgo"]);
    assert_eq!(portrait(&bed), portrait(&undisturbed));
}
