//! Help, manual and completions: every verb is in them, with an example.

use crate::lab::Lab;

fn verbs(lab: &Lab) -> Vec<String> {
    let help = lab.does(&["-h"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = list.lines().filter(|line| indent(line) == 2);
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_verb_of_the_first_part_is_there_and_has_an_example() {
    let lab = Lab::new();
    let verbs = verbs(&lab);
    for verb in
        "letsgo create converge delete start stop restart status plan validate graph explain schema migrate node completions man"
            .split(' ')
    {
        assert!(verbs.iter().any(|other| other == verb), "`{verb}` is missing in {verbs:?}");
    }
    for verb in &verbs {
        assert!(lab.does(&[verb, "--help"]).contains("Example"), "`{verb}` has no example");
    }
    for verb in ["status", "reset", "serve", "api"] {
        assert!(lab.does(&["node", verb, "--help"]).contains("Example"), "`node {verb}` has no example");
    }
}

#[test]
fn the_manual_has_a_page_a_verb() {
    let lab = Lab::new();
    let dir = lab.path("man");
    lab.does(&["man", "--out", dir.to_str().unwrap()]);
    for verb in verbs(&lab) {
        let page = std::fs::read_to_string(dir.join(format!("phoenix-{verb}.1"))).unwrap();
        assert!(page.contains(".TH"), "`{verb}` has an empty page");
    }
    assert!(lab.does(&["man"]).contains("letsgo"));
}

#[test]
fn every_shell_gets_completions() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(lab.does(&["completions", shell]).contains("letsgo"), "{shell}");
    }
}
