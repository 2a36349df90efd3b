//! Starting: how long `phoenix --version` takes, and how large the binary is.

use std::{error::Error, process::Command, time::Instant};

const RUNS: usize = 20;
/// The aim for the cold start, in milliseconds.
const AIM: f64 = 5.0;

/// Measures the binary beside this one and prints the figures.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    let binary = std::env::current_exe()?.with_file_name("phoenix");
    if !binary.exists() {
        println!("\nno `phoenix` beside this program: build phoenix-cli first");
        return Ok(());
    }
    let mut millis = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output = Command::new(&binary).arg("--version").output()?;
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        if !output.status.success() {
            return Err("`phoenix --version` failed".into());
        }
    }
    millis.sort_by(f64::total_cmp);
    let median = f64::midpoint(millis[RUNS / 2 - 1], millis[RUNS / 2]);
    let size = std::fs::metadata(&binary)?.len() as f64 / 1e6;
    println!(
        "\ncold start of `phoenix --version`: {median:.2} ms, {:.2} of the aim (median of {RUNS})",
        median / AIM
    );
    println!("size of the binary: {size:.1} MB");
    Ok(())
}
