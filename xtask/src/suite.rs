//! `cargo xtask test`: every check and every test, one stage after the other. A failed stage does not keep the others
//! from running, so that one run shows everything.

use std::{path::Path, time::Instant};

use crate::{
    clients::Kit,
    command::{cargo, has_cargo, run as succeed},
    docs, lint, packages, plugins, replay, ui,
};

type Stage<'a> = (&'a str, &'a str, Box<dyn Fn() -> Result<(), String> + 'a>);

/// Runs all stages, or `only` some.
pub(crate) fn run(root: &Path, only: &[String]) -> Result<(), String> {
    let is_wanted = |stage: &str| only.is_empty() || only.iter().any(|name| name == stage);
    let mut stages: Vec<Stage<'_>> = vec![
        ("format", "cargo fmt --check", Box::new(|| succeed(&mut cargo(root, &["fmt", "--all", "--check"])))),
        ("lint", "the rules of STYLE.md that no compiler knows", Box::new(|| lint::run(root))),
        (
            "clippy",
            "all targets, warnings are errors",
            Box::new(|| {
                let arguments =
                    ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
                succeed(&mut cargo(root, &arguments))
            }),
        ),
        (
            "documentation",
            "cargo doc, warnings are errors",
            Box::new(|| {
                let arguments = ["doc", "--no-deps", "--workspace", "--locked", "--quiet"];
                succeed(cargo(root, &arguments).env("RUSTDOCFLAGS", "-D warnings"))
            }),
        ),
        ("generated", "what is generated under docs/ is current", Box::new(|| docs::check(root))),
    ];
    let mut skipped = Vec::new();
    if has_cargo(root, "deny") {
        let arguments = ["deny", "--offline", "--locked", "check", "bans", "licenses", "sources"];
        stages.push((
            "dependencies",
            "cargo deny: licences, bans, sources",
            Box::new(move || succeed(&mut cargo(root, &arguments))),
        ));
    } else {
        let why = "cargo-deny is not installed (`cargo install --locked cargo-deny`)";
        skipped.push(("dependencies", why.to_owned()));
    }
    if root.join("examples/embed/Cargo.toml").exists() {
        stages.push((
            "embed",
            "the program outside the workspace",
            Box::new(|| {
                let arguments = ["test", "--locked", "--manifest-path", "examples/embed/Cargo.toml"];
                succeed(cargo(root, &arguments).env("CARGO_TARGET_DIR", root.join("target")))
            }),
        ));
    } else {
        skipped.push(("embed", "there is no examples/embed".to_owned()));
    }
    stages.push((
        "plugins",
        "the plugins outside the workspace, in Rust, in C and a new one",
        Box::new(|| plugins::check(root)),
    ));
    match packages::obstacle(root) {
        Some(why) => skipped.push(("packages", why)),
        None => {
            stages.push(("packages", "what tests need of this machine", Box::new(|| packages::install(root))))
        }
    }
    if has_cargo(root, "nextest") {
        stages.push((
            "doctests",
            "cargo test --doc",
            Box::new(|| succeed(&mut cargo(root, &["test", "--doc", "--workspace", "--locked", "--quiet"]))),
        ));
        stages.push((
            "tests",
            "cargo nextest",
            Box::new(|| {
                let arguments =
                    ["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--status-level", "slow"];
                succeed(&mut cargo(root, &arguments))
            }),
        ));
    } else {
        stages.push((
            "tests",
            "cargo test (cargo-nextest is not installed)",
            Box::new(|| succeed(&mut cargo(root, &["test", "--workspace", "--locked", "--no-fail-fast"]))),
        ));
    }
    match replay::obstacle(root) {
        Some(why) => skipped.push(("records", why.to_owned())),
        None => stages.push((
            "records",
            "the served node answers as the records of a real one",
            Box::new(|| replay::check(root)),
        )),
    }
    if is_wanted("clients") {
        match Kit::ready(root) {
            Ok(kit) => stages.push((
                "clients",
                "proxmoxer and Ansible against a served node",
                Box::new(move || kit.run()),
            )),
            Err(why) => skipped.push(("clients", why)),
        }
    }
    stages.retain(|(stage, ..)| is_wanted(stage));
    skipped.retain(|(stage, _)| is_wanted(stage));
    let is_known = |name: &&String| {
        let mut known =
            stages.iter().map(|(stage, ..)| *stage).chain(skipped.iter().map(|(stage, _)| *stage));
        known.any(|stage| stage == name.as_str())
    };
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        return Err(format!("there is no stage `{unknown}`; `cargo xtask test` names them all"));
    }
    for (stage, why) in &skipped {
        ui::skipped(stage, why);
    }
    in_turn(&stages)
}

fn in_turn(stages: &[Stage<'_>]) -> Result<(), String> {
    let mut failed = Vec::new();
    for (stage, what, check) in stages {
        ui::begin(stage, what);
        let begun = Instant::now();
        let result = check();
        if let Err(message) = &result {
            ui::error(message);
            failed.push(*stage);
        }
        ui::end(stage, result.is_ok(), begun.elapsed());
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed stages: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_failed_stage_does_not_keep_later_ones_from_running() {
        let runs = Cell::new(0);
        let stage = |name: &'static str, result: Result<(), String>| -> Stage<'_> {
            let runs = &runs;
            let check = move || {
                runs.set(runs.get() + 1);
                result.clone()
            };
            (name, "", Box::new(check))
        };
        let stages =
            [stage("one", Err("no".to_owned())), stage("two", Ok(())), stage("three", Err("no".to_owned()))];
        assert_eq!(in_turn(&stages), Err("failed stages: one, three".to_owned()));
        assert_eq!(runs.get(), 3);
    }
}
