//! Ctrl-C, and two processes at one node.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use snapbox::{assert_data_eq, str};

use crate::lab::Lab;

/// Starts `letsgo` so slowly that it can be caught, and returns when the first step is done.
fn under_way(lab: &Lab) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = lab.command(&["letsgo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(" done ") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended before a step was done");
    }
    (child, stderr)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_finishes_what_runs_and_says_what_is_left() {
    for name in ["-INT", "-TERM"] {
        let lab = Lab::new().at_speed("2");
        let (mut child, mut stderr) = under_way(&lab);
        signal(&child, name);
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('[')).collect();
        assert!(lines[0].starts_with("stopping: 1 running step"), "{said}");
        assert!(lines.iter().any(|line| line.starts_with("stopped: after ")), "{said}");
        assert!(lines.iter().any(|line| line.trim_start().starts_with("left: ")), "{said}");
        assert!(said.contains("hint: the same `phoenix letsgo` again goes on from here"), "{said}");
        let lab = lab.at_speed("1000");
        lab.does(&["letsgo"]);
        lab.does(&["plan", "--detailed-exitcode"]);
    }
}

#[test]
fn a_second_ctrl_c_abandons_what_runs() {
    let lab = Lab::new().at_speed("0.02");
    let mut child =
        lab.command(&["-v", "letsgo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("to do") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended at once");
    }
    let begun = std::time::Instant::now();
    signal(&child, "-INT");
    while !line.contains("stopping") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended without a word");
    }
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // The step alone would take a minute.
    assert!(begun.elapsed().as_secs() < 20);
    let lab = lab.at_speed("1000");
    lab.does(&["letsgo"]);
    lab.does(&["plan", "--detailed-exitcode"]);
}

#[test]
fn a_node_that_is_in_use_is_left_alone() {
    let lab = Lab::new().at_speed("0.2");
    let (mut child, _stderr) = under_way(&lab);
    let said = lab.says(&["status"]).replace(&child.id().to_string(), "[PID]");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_data_eq!(
        said,
        str![[r#"
exit: 1
--- stdout
--- stderr
error: the node directory `[LAB]/node` is in use by process [PID]; wait for it to end, or give another directory with `--node-dir`

"#]]
    );
    let lab = lab.at_speed("1000");
    lab.does(&["letsgo"]);
    lab.does(&["plan", "--detailed-exitcode"]);
}
