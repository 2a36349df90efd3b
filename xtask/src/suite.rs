//! `cargo xtask test`: every check and every test, one stage after the other. A failed stage does not keep the others
//! from running, so that one run shows everything.

use std::{path::Path, time::Instant};

use crate::{
    clients::Kit,
    command::{cargo, has_cargo, run as succeed},
    docs, doctests, lint, packages, plugins, replay, stores, ui,
};

type Stage<'a> = (&'a str, &'a str, Box<dyn Fn() -> Result<(), String> + Send + Sync + 'a>);

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
    match packages::obstacle() {
        Some(why) => skipped.push(("packages", why)),
        None => stages.push(("packages", "what tests need of this machine", Box::new(packages::install))),
    }
    match stores::obstacle(root) {
        Some(why) => skipped.push(("stores", why.to_owned())),
        None => stages.push(("stores", "what real guests install", Box::new(|| stores::make(root)))),
    }
    if has_cargo(root, "nextest") {
        // Each crate that is asked for is linked again for it, so only those are that have one.
        let crates = doctests::crates(root)?;
        if crates.is_empty() {
            skipped.push(("doctests", "no documentation has code that is run".to_owned()));
        } else {
            stages.push((
                "doctests",
                "cargo test --doc, of the crates that have one",
                Box::new(move || {
                    let named = crates.iter().flat_map(|name| ["-p", name.as_str()]);
                    let arguments: Vec<&str> =
                        ["test", "--doc", "--locked", "--quiet"].into_iter().chain(named).collect();
                    succeed(&mut cargo(root, &arguments))
                }),
            ));
        }
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
    // The last two wait for a served node more than they work, each for one of its own.
    let served = stages.iter().position(|(stage, ..)| *stage == "records").unwrap_or(stages.len());
    let last = stages.split_off(served);
    let outcomes = [in_turn(&stages), at_once(&last)];
    let failed: Vec<&str> = outcomes.iter().flatten().copied().collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed stages: {}", failed.join(", "))) }
}

/// Runs stages one after the other; returns those that failed.
fn in_turn<'a>(stages: &[Stage<'a>]) -> Vec<&'a str> {
    stages.iter().filter_map(one).collect()
}

/// Runs stages all at once; returns those that failed.
fn at_once<'a>(stages: &[Stage<'a>]) -> Vec<&'a str> {
    std::thread::scope(|scope| {
        let begun: Vec<_> = stages.iter().map(|stage| scope.spawn(move || one(stage))).collect();
        begun.into_iter().filter_map(|stage| stage.join().expect("a stage returns its failure")).collect()
    })
}

/// Runs a stage; returns its name if it failed.
fn one<'a>((stage, what, check): &Stage<'a>) -> Option<&'a str> {
    ui::begin(stage, what);
    let begun = Instant::now();
    let result = check();
    if let Err(message) = &result {
        ui::error(message);
    }
    ui::end(stage, result.is_ok(), begun.elapsed());
    result.is_err().then_some(*stage)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_failed_stage_does_not_keep_others_from_running() {
        let runs = AtomicU32::new(0);
        let stage = |name: &'static str, result: Result<(), String>| -> Stage<'_> {
            let runs = &runs;
            let check = move || {
                runs.fetch_add(1, Ordering::Relaxed);
                result.clone()
            };
            (name, "", Box::new(check))
        };
        let stages =
            [stage("one", Err("no".to_owned())), stage("two", Ok(())), stage("three", Err("no".to_owned()))];
        assert_eq!(in_turn(&stages), ["one", "three"]);
        assert_eq!(at_once(&stages), ["one", "three"]);
        assert_eq!(runs.load(Ordering::Relaxed), 6);
    }
}
