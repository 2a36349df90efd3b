//! `cargo xtask bench`: builds a release and lets the benchmark program of the `tests` crate measure it.

use std::path::Path;

use crate::command::{cargo, run as succeed};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also executes the plan of 10,000 guests, which takes minutes.
    #[arg(long)]
    all: bool,
    /// Numbers of guests instead of 10, 100, 1,000 and 10,000.
    #[arg(value_name = "GUESTS")]
    sizes: Vec<u32>,
}

/// Measures.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    // Apart from the benchmark: built together, the binary would get the features that only tests want.
    succeed(&mut cargo(root, &["build", "--release", "--locked", "--package", "phoenix-cli"]))?;
    let plugin =
        ["build", "--release", "--locked", "--manifest-path", "examples/plugin-postgresql/Cargo.toml"];
    succeed(cargo(root, &plugin).env("CARGO_TARGET_DIR", root.join("target")))?;
    let mut command = cargo(
        root,
        &["run", "--quiet", "--release", "--locked", "--package", "phoenix-tests", "--bin", "bench", "--"],
    );
    if options.all {
        command.arg("--all");
    }
    succeed(command.args(options.sizes.iter().map(u32::to_string)))
}
