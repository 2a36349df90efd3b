//! The chores of this repository: `cargo xtask test | lint | bench | replay | docs`. It knows Phoenix only from outside, by
//! its files and its binary.

mod bench;
mod clients;
mod command;
mod docs;
mod doctests;
mod lint;
mod packages;
mod plugins;
mod replay;
mod served;
mod stores;
mod suite;
mod ui;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every check and every test, as CI does.
    Test {
        /// Only these stages, by the names that a whole run prints.
        #[arg(value_name = "STAGE")]
        only: Vec<String>,
    },
    /// Checks the rules of STYLE.md that no compiler knows.
    Lint,
    /// Measures planning, executing, the cold start and the size of the binary.
    Bench(bench::Options),
    /// Replays the records of a real Proxmox VE against the served node.
    Replay(replay::Options),
    /// Writes what is generated under docs/.
    Docs {
        /// Writes nothing; fails if something would change.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = root();
    let done = match Arguments::parse().chore {
        Chore::Test { only } => suite::run(&root, &only),
        Chore::Lint => lint::run(&root),
        Chore::Bench(options) => bench::run(&root, &options),
        Chore::Replay(options) => replay::run(&root, &options),
        Chore::Docs { check: true } => docs::check(&root),
        Chore::Docs { check: false } => docs::write(&root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            ui::error(&message);
            ExitCode::FAILURE
        }
    }
}

/// Returns the root of the workspace.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
