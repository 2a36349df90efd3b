//! What machines read: JSON lines, statuses, and pipes that close.

use std::{io::Read, process::Stdio};

use serde_json::Value;

use crate::lab::{LXC, Lab, text};

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn letsgo_reports_each_event_and_the_end_as_json_lines() {
    let lab = Lab::new();
    let events = records(&lab.does(&["--json", "letsgo"]));
    assert_eq!(events[0]["event"], "round");
    let ended = events.iter().filter(|event| event["event"] == "finished").count();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], last["done"].as_u64()), (&"settled".into(), Some(ended as u64)));
    assert_eq!(records(&lab.does(&["--json", "letsgo"]))[0]["rounds"], 0);
}

#[test]
fn a_plan_is_one_json_document_with_its_cost() {
    let lab = Lab::new();
    let plan: Value = serde_json::from_str(&lab.does(&["--json", "plan"])).unwrap();
    assert_eq!(plan["summary"]["create"], 3);
    assert_eq!(plan["steps"].as_array().unwrap().len() as u64, plan["summary"]["steps"].as_u64().unwrap());
    assert!(plan["cost"]["calls"].as_u64().unwrap() > 0);
}

#[test]
fn findings_are_records_with_code_and_line() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/memroy_mb", 1.into());
    let output = lab.output(&["--json", "validate"]);
    assert_eq!(output.status.code(), Some(1));
    let found = records(&text(&output.stdout));
    let unknown = found.iter().find(|finding| finding["code"] == "unknown-key").unwrap();
    assert_eq!((&unknown["file"], &unknown["severity"]), (&LXC.into(), &"error".into()));
    assert!(unknown["line"].as_u64().unwrap() > 1 && unknown["hint"].is_string());
    let refused = lab.output(&["--json", "plan"]);
    assert_eq!(records(&text(&refused.stderr))[0]["code"], "unknown-key");
}

#[test]
fn errors_are_records_too() {
    let lab = Lab::new();
    let output = lab.output(&["--json", "create", "nobody"]);
    let said = records(&text(&output.stderr));
    assert!(said[0]["error"].as_str().unwrap().contains("`nobody`") && said[0]["hint"].is_string());
    assert!(output.stdout.is_empty());
}

#[test]
fn status_is_a_record_a_guest() {
    let lab = Lab::new();
    let rows = records(&lab.does(&["--json", "status"]));
    assert_eq!(rows.iter().map(|row| row["lifecycle"].as_str().unwrap()).collect::<Vec<_>>(), ["absent"; 3]);
}

#[test]
fn pictures_and_explanations_are_documents() {
    let lab = Lab::new();
    let document = |args: &[&str]| -> Value { serde_json::from_str(&lab.does(args)).unwrap() };
    let picture = document(&["--json", "graph"]);
    assert_eq!(picture["edges"][0]["from"], "lxc/900");
    let guest = document(&["--json", "explain", "101"]);
    assert_eq!((&guest["lifecycle"], &guest["requires"][0]["id"]), (&"absent".into(), &"lxc/900".into()));
    let step = guest["steps"][0]["id"].as_str().unwrap();
    assert_eq!(document(&["--json", "explain", step])["id"], step);
    assert_eq!(document(&["--json", "explain", "base-setup"])["name"], "base-setup");
    assert_eq!(document(&["--json", "explain", "unknown-key"])["code"], "unknown-key");
    assert!(document(&["--json", "explain"])["codes"].as_array().unwrap().len() > 10);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let lab = Lab::new();
    let mut child =
        lab.command(&["schema", "lxc"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_disk_that_is_full_is_a_failure() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full");
        return;
    };
    let output = Lab::new().command(&["schema", "lxc"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: could not write to standard output\n"));
}
