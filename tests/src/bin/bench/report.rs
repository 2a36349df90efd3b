//! The report: starts the measurements and prints their figures, as ratios where something is compared.

use std::{error::Error, path::Path, process::Command};

use serde_json::Value;

/// The aims for planning 10,000 guests from facts: seconds of CPU, and bytes.
const AIM: (u32, f64, f64) = (10_000, 0.5, 200e6);
/// How far above its bound an execution may be.
const AIM_LETSGO: f64 = 1.05;

/// The plugin whose calls are measured.
const PLUGIN: &str = "libphoenix_postgresql.so";
/// How many calls a no-op plan may make beyond one a guest.
const MOST_BEYOND: f64 = 10.0;

/// All that was measured so far.
#[derive(Default)]
pub(crate) struct Report {
    noop: Vec<(u32, f64, f64)>,
}

impl Report {
    /// Measures a lab of so many guests and prints the figures.
    pub(crate) fn measure(&mut self, size: u32, facts: &Path, is_shown: bool) -> Result<(), Box<dyn Error>> {
        let (text, path) = (size.to_string(), facts.to_string_lossy());
        println!("\n{size} guests");
        println!(
            "  {:<22} {:>9} {:>9} {:>11} {:>11} {:>9}",
            "", "calls", "steps", "wall s", "CPU s", "peak MB"
        );
        let nothing = child(&["nothing", &text])?;
        row("plan from nothing", &nothing, number(&nothing, "calls"));
        // The facts of a healthy lab come from one that was brought up, even where that is not reported.
        let letsgo = child(&["letsgo", &text, &path])?;
        let noop = child(&["facts", &text, &path])?;
        let looking = number(&letsgo, "looking");
        row("plan from facts", &noop, looking);
        println!("    calls beyond one a guest: {}", looking - f64::from(size));
        if number(&noop, "steps") > 0.0 {
            return Err("the plan is not empty after execution".into());
        }
        let (cpu, peak) = (number(&noop, "cpu"), number(&noop, "peak"));
        self.noop.push((size, cpu, peak));
        if size == AIM.0 {
            println!("    CPU {:.2} of the aim, memory {:.2} of the aim", cpu / AIM.1, peak / AIM.2);
        }
        if is_shown {
            row("letsgo on the node", &letsgo, number(&letsgo, "calls"));
            let ratio = number(&letsgo, "took") / number(&letsgo, "bound");
            println!(
                "    {:.1} s virtual, {ratio:.3} of the bound (aim {AIM_LETSGO}): path {:.1} s, lock `{}` {:.1} s",
                number(&letsgo, "took"),
                number(&letsgo, "path"),
                letsgo.get("name").and_then(Value::as_str).unwrap_or(""),
                number(&letsgo, "lock"),
            );
        } else {
            println!("  letsgo on the node: not reported at this size without `--all`");
        }
        Ok(())
    }

    /// Prints how cost grows against the number of guests: 1 is as fast, below 1 slower.
    pub(crate) fn print_growth(&self) {
        println!("\ngrowth of a no-op plan against the growth of the lab (1.0 = in step)");
        for pair in self.noop.windows(2) {
            let (small, large) = (pair[0], pair[1]);
            let guests = f64::from(large.0) / f64::from(small.0);
            println!(
                "  {:>6} -> {:<6} CPU {:.2}, memory {:.2}",
                small.0,
                large.0,
                large.1 / small.1 / guests,
                large.2 / small.2 / guests
            );
        }
    }
}

/// Measures and prints no-op plans against a served node.
pub(crate) fn served(sizes: &[u32]) -> Result<(), Box<dyn Error>> {
    println!("\nno-op plan against a served node, over HTTPS");
    println!("  {:>6} {:>7} {:>13} {:>16} {:>12}", "guests", "calls", "at once s", "as PVE, s", "ms a guest");
    for size in sizes {
        let row = child(&["served", &size.to_string()])?;
        let (calls, plain, real) = (number(&row, "calls"), number(&row, "plain"), number(&row, "real"));
        println!(
            "  {size:>6} {calls:>7} {plain:>13.3} {real:>16.3} {:>12.2}",
            real * 1000.0 / f64::from(*size)
        );
        if calls > f64::from(*size) + MOST_BEYOND {
            return Err(format!(
                "{calls} calls for {size} guests: more than {MOST_BEYOND} beyond one a guest"
            )
            .into());
        }
    }
    Ok(())
}

/// Measures and prints real containers, where this machine can have them.
pub(crate) fn real((size, large): (u32, u32), is_all: bool) -> Result<(), Box<dyn Error>> {
    println!("\nreal containers: linked clones of one template until systemd is up in each");
    let (few, many) = (size.to_string(), large.to_string());
    let mut words = vec!["real", &few, &many];
    if is_all {
        words.push("--all");
    }
    let row = child(&words)?;
    if let Some(reason) = row.get("skipped").and_then(Value::as_str) {
        println!("  skipped: {reason}");
        return Ok(());
    }
    let (plan, hand) = (number(&row, "plan"), number(&row, "hand"));
    println!(
        "  {size} by a plan of {} steps: {plan:.2} s, {} running",
        number(&row, "steps"),
        number(&row, "running")
    );
    others(&row, "others");
    println!("  {size} by a script with the tools of LXC alone: {hand:.2} s");
    println!(
        "    plan / script: {:.2}; clones are made one after the other, {} starts were under way at once",
        plan / hand,
        number(&row, "at_once")
    );
    println!("  the second plan: {} steps, {:.3} s", number(&row, "left"), number(&row, "again"));
    println!(
        "  stopping all {size}: {:.2} s by a plan, {:.2} s by the script, with removal",
        number(&row, "stop"),
        number(&row, "hand_stop")
    );
    if row.get("large").is_some() {
        let running = number(&row, "large_running");
        println!("  {large} by a plan: {:.2} s, {running} running", number(&row, "large"));
        others(&row, "large_others");
    } else {
        println!("  {large} by a plan: not measured here without `--all`");
    }
    Ok(())
}

/// Measures and prints the network plane of the example lab, where this machine can have it.
pub(crate) fn plane() -> Result<(), Box<dyn Error>> {
    println!("\nthe network plane of examples/homelab, from nothing with templates cached");
    let row = child(&["plane"])?;
    if let Some(reason) = row.get("skipped").and_then(Value::as_str) {
        println!("  skipped: {reason}");
        return Ok(());
    }
    let (phoenix, hand) = (number(&row, "phoenix"), number(&row, "hand"));
    println!(
        "  by one `phoenix letsgo`: {phoenix:.1} s; the lab's files have {} lines that say something",
        number(&row, "lab_lines")
    );
    println!("  by a script written by hand: {hand:.1} s; it has {}", number(&row, "script_lines"));
    let each = |key: &str| {
        let times = row["each"][key].as_array().into_iter().flatten().filter_map(Value::as_f64);
        times.map(|time| format!("{time:.1}")).collect::<Vec<_>>().join(" and ")
    };
    println!(
        "    phoenix / script: {:.2}; the rounds took {} s, and {} s by the script",
        phoenix / hand,
        each("phoenix"),
        each("hand")
    );
    Ok(())
}

/// Measures and prints what a call to a plugin costs, if the example plugin lies beside this program.
pub(crate) fn plugins() -> Result<(), Box<dyn Error>> {
    println!("\nplugins: one plan of a feature");
    let library = std::env::current_exe()?.with_file_name(PLUGIN);
    if !library.exists() {
        println!("  skipped: no `{PLUGIN}` beside this program: build examples/plugin-postgresql first");
        return Ok(());
    }
    let row = child(&["plugins", &library.to_string_lossy()])?;
    let linked = number(&row, "linked");
    for (key, name) in [
        ("linked", "base-setup, linked"),
        ("in_process", "postgresql, a plugin in this process"),
        ("apart", "postgresql, a plugin in a process of its own"),
    ] {
        let micros = number(&row, key);
        println!(
            "  {name:<46} {micros:>8.1} us {:>9.0} a second  {:>6.2} of linked",
            1e6 / micros,
            micros / linked
        );
    }
    println!("  starting the process and opening the library: {:.1} ms", number(&row, "start") / 1e3);
    Ok(())
}

/// Prints what systemd said in the containers where not all runs.
fn others(row: &Value, key: &str) {
    for said in row.get(key).and_then(Value::as_array).into_iter().flatten() {
        println!("    not running: {}", said.as_str().unwrap_or_default());
    }
}

fn child(words: &[&str]) -> Result<Value, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).arg("child").args(words).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("measuring `{}`: {}", words.join(" "), said.trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(name: &str, figures: &Value, calls: f64) {
    let (steps, wall, cpu) = (number(figures, "steps"), number(figures, "wall"), number(figures, "cpu"));
    let peak = number(figures, "peak") / 1e6;
    println!("  {name:<22} {calls:>9} {steps:>9} {wall:>11.4} {cpu:>11.4} {peak:>9.1}");
}

fn number(figures: &Value, key: &str) -> f64 {
    figures.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
