//! The benchmark behind `cargo xtask bench`: what planning and bringing up generated labs costs, against aims and
//! bounds. Each measurement has a process of its own, so that no peak of memory is another's.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod bound;
mod cost;
mod generate;
mod letsgo;
mod plane;
mod planning;
mod plugins;
mod real;
mod report;
mod sandboxed;
mod served;
mod startup;

use std::{env, error::Error, process::ExitCode};

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
/// The sizes of the labs that are planned against a served node.
const SERVED: [u32; 3] = [10, 200, 1_000];
/// How many real containers are started at the same time: against a script, and without one.
const REAL: (u32, u32) = (20, 50);
/// Bringing up more takes minutes even in virtual time.
const LETSGO: u32 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["child", "nothing", size] => number(size).and_then(planning::from_nothing),
        ["child", "facts", size, path] => number(size).and_then(|size| planning::from_facts(size, path)),
        ["child", "served", size] => number(size).and_then(served::run),
        ["child", "real", size, large, ref rest @ ..] => number(size)
            .and_then(|size| Ok((size, number(large)?)))
            .and_then(|(size, large)| real::run(size, large, rest.contains(&"--all"))),
        ["child", "plane"] => plane::run(),
        ["child", "plugins", library] => plugins::run(library),
        ["child", "letsgo", size, path] => number(size).and_then(|size| letsgo::run(size, path)),
        _ => parent(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parent(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let is_all = words.contains(&"--all");
    let mut sizes = words
        .iter()
        .filter(|word| **word != "--all")
        .map(|word| number(word))
        .collect::<Result<Vec<_>, _>>()?;
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    sizes.sort_unstable();
    let facts = env::temp_dir().join(format!("phoenix-bench-{}.json", std::process::id()));
    let mut report = report::Report::default();
    for size in sizes {
        let measured = report.measure(size, &facts, is_all || size <= LETSGO);
        // The file holds nothing worth keeping, whatever happened.
        let _ = std::fs::remove_file(&facts);
        measured?;
    }
    report.print_growth();
    report::served(&SERVED)?;
    report::real(REAL, is_all)?;
    report::plane()?;
    report::plugins()?;
    startup::print()
}

fn number(word: &str) -> Result<u32, Box<dyn Error>> {
    match word.parse() {
        Ok(number) if number > 0 => Ok(number),
        Ok(_) | Err(_) => Err(format!("`{word}` is not a number of guests").into()),
    }
}
