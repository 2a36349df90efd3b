//! The examples of plugins, outside the workspace, and a new one as `phoenix plugin new` makes it: each builds, passes its
//! own tests, and is a good plugin to `phoenix plugin verify`.

use std::{fs, path::Path, process::Command};

use crate::{
    command::{cargo, run, without_settings},
    ui,
};

const RUST: &str = "examples/plugin-postgresql";
const C: &str = "examples/plugin-c";

/// Builds, tests and verifies them all.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    run(&mut cargo(root, &["build", "--quiet", "--locked", "--package", "phoenix-cli"]))?;
    build_and_test(root, &format!("{RUST}/Cargo.toml"), "--locked")?;
    verify(root, "debug/libphoenix_postgresql.so")?;
    in_c(root)?;
    new(root)
}

fn in_c(root: &Path) -> Result<(), String> {
    if !Command::new("cc").arg("--version").output().is_ok_and(|said| said.status.success()) {
        ui::skipped(C, "there is no C compiler `cc`");
        return Ok(());
    }
    let build = root.join("target/plugin-c");
    let library = build.join("libmotd.so");
    fs::create_dir_all(&build).map_err(|error| format!("could not make `{}`: {error}", build.display()))?;
    let mut cc = Command::new("cc");
    cc.current_dir(root.join(C)).args([
        "-std=c11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-shared",
    ]);
    cc.args(["-fPIC", "-fvisibility=hidden", "-I", "../../phoenix-plugin/include", "-o"]);
    run(cc.arg(&library).arg("motd.c"))?;
    verify(root, "plugin-c/libmotd.so")
}

fn new(root: &Path) -> Result<(), String> {
    let dir = root.join("target/plugin-new");
    let failed = |error: std::io::Error| format!("could not prepare `{}`: {error}", dir.display());
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(failed)?;
    }
    let mut phoenix = phoenix(root);
    run(phoenix.args(["plugin", "new", "new-plugin", "--phoenix", "."]).arg("--dir").arg(&dir))?;
    // What it depends on is locked already, by those that depend on it here.
    fs::copy(root.join("Cargo.lock"), dir.join("Cargo.lock")).map_err(failed)?;
    build_and_test(root, "target/plugin-new/Cargo.toml", "--offline")?;
    verify(root, "debug/libnew_plugin.so")
}

/// Builds a plugin and runs its tests, with the profile of the workspace, so that they share what is compiled.
fn build_and_test(root: &Path, manifest: &str, lock: &str) -> Result<(), String> {
    for what in ["build", "test"] {
        let mut command = cargo(root, &[what, "--quiet", lock, "--manifest-path", manifest]);
        for setting in ["debug='line-tables-only'", "split-debuginfo='unpacked'", "package.'*'.debug=false"] {
            command.args(["--config", &format!("profile.dev.{setting}")]);
        }
        run(command.env("CARGO_TARGET_DIR", root.join("target")))?;
    }
    Ok(())
}

fn verify(root: &Path, library: &str) -> Result<(), String> {
    run(phoenix(root).args(["plugin", "verify"]).arg(root.join("target").join(library)))
}

fn phoenix(root: &Path) -> Command {
    let mut command = Command::new(root.join("target/debug/phoenix"));
    without_settings(command.current_dir(root));
    command
}
