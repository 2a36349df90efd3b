//! `cargo xtask replay`: holds the served node against the records of a real Proxmox VE that lie beside the project, and
//! writes what came of it into `docs/pve-records.md`. Skipped where the records are absent.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{command::run as succeed, served::Served, ui};

const TOOL: &str = "../shared/tools/replay.py";
const DOC: &str = "docs/pve-records.md";
/// The shares of all calls that must agree: in status, also in reason and refused parameters, and in the whole body.
const AIMS: [(&str, f64); 3] = [("l1", 0.99), ("l2", 0.98), ("l3", 0.94)];
/// Some calls are made while a task runs, so the node and the tool take the time that a real node and the recorder took.
const SPEED: &str = "1";
const SLEEP: &str = "1";
/// The lines between which the document is written.
const BEGIN: &str = "<!-- begin of what `cargo xtask replay --write` writes -->";
const END: &str = "<!-- end of what `cargo xtask replay --write` writes -->";

/// What is replayed.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Writes the table and the differences into the document.
    #[arg(long)]
    write: bool,
    /// The groups, as `030`; all if there are none.
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
}

/// Says why there can be no replay; nothing if there can.
pub(crate) fn obstacle(root: &Path) -> Option<&'static str> {
    if !root.join(TOOL).exists() {
        return Some("there are no records beside the project (`../shared`)");
    }
    let python =
        Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!python.is_ok_and(|status| status.success())).then_some("there is no `python3`")
}

/// Replays everything and fails where an aim is missed.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    run(root, &Options { write: false, groups: Vec::new() })
}

/// Replays.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    if let Some(why) = obstacle(root) {
        ui::skipped("records", why);
        return Ok(());
    }
    let folder = root.join("target/replay");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(|error| format!("could not remove `{}`: {error}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|error| format!("could not make `{}`: {error}", folder.display()))?;
    let served = Served::start(root, &folder, SPEED)?;
    let groups: Vec<&str> = match options.groups.is_empty() {
        true => vec!["all"],
        false => options.groups.iter().map(String::as_str).collect(),
    };
    let url = format!("https://{}", served.address);
    let mut command = Command::new("python3");
    command
        .current_dir(&folder)
        .arg(root.join(TOOL))
        .args(["--url", &url, "--insecure", "--sleep-scale", SLEEP])
        .args(["--reset-cmd", &served.reset, "--out"])
        .arg(&folder)
        .args(groups);
    succeed(&mut command)?;
    drop(served);
    let results = Results::read(&folder)?;
    if options.write {
        write(root, &results)?;
    }
    results.undocumented(root);
    if options.groups.is_empty() { results.judge() } else { Ok(()) }
}

/// What came of a replay.
struct Results {
    groups: BTreeMap<String, BTreeMap<String, f64>>,
    total: BTreeMap<String, f64>,
    /// Calls that differ: id, level, and what was called.
    differences: Vec<(String, &'static str, String)>,
}

impl Results {
    fn read(folder: &Path) -> Result<Self, String> {
        let summary = json(&folder.join("summary.json"))?;
        let figures = |value: &Value| -> BTreeMap<String, f64> {
            let fields = value.as_object().into_iter().flatten();
            fields.filter_map(|(key, value)| Some((key.clone(), value.as_f64()?))).collect()
        };
        let groups: BTreeMap<String, _> = summary["groups"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, row)| (name.clone(), figures(row)))
            .collect();
        let mut differences = Vec::new();
        for name in groups.keys() {
            let calls = json(&folder.join(format!("{name}.json")))?;
            for call in calls.as_array().into_iter().flatten().filter(|call| call.get("skipped").is_none()) {
                let agrees = |level: &str| call[level].as_bool().unwrap_or(true);
                let level = match (agrees("l1"), agrees("l2"), agrees("l3")) {
                    (false, ..) => "status",
                    (true, false, _) => "reason",
                    (true, true, false) => "body",
                    (true, true, true) => continue,
                };
                let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
                differences.push((text("id"), level, format!("{} ({})", text("call"), text("name"))));
            }
        }
        Ok(Self { groups, total: figures(&summary["total"]), differences })
    }

    fn share(row: &BTreeMap<String, f64>, level: &str) -> f64 {
        let of = |key: &str| row.get(key).copied().unwrap_or(0.0);
        of(level) / of("n").max(1.0)
    }

    fn judge(&self) -> Result<(), String> {
        let missed: Vec<String> = AIMS
            .iter()
            .map(|(level, aim)| (level, aim, Self::share(&self.total, level)))
            .filter(|(_, aim, share)| share < aim)
            .map(|(level, aim, share)| {
                format!("{level} {:.1} % instead of {:.0} %", share * 100.0, *aim * 100.0)
            })
            .collect();
        if missed.is_empty() {
            Ok(())
        } else {
            Err(format!("the node agrees too little: {}", missed.join(", ")))
        }
    }

    /// Names the differences that the document gives no reason for.
    fn undocumented(&self, root: &Path) {
        let text = fs::read_to_string(root.join(DOC)).unwrap_or_default();
        let reasons = text.split(BEGIN).next().unwrap_or_default().to_owned();
        for (id, level, call) in &self.differences {
            if !reasons.contains(&short(id)) {
                ui::line(&format!("no reason in {DOC}: {} [{level}] {call}", short(id)));
            }
        }
    }
}

/// Returns `030.019` of `030-lxc.019`.
fn short(id: &str) -> String {
    let group = id.split('-').next().unwrap_or_default();
    let number = id.rsplit('.').next().unwrap_or_default();
    format!("{group}.{number}")
}

fn write(root: &Path, results: &Results) -> Result<(), String> {
    let path = root.join(DOC);
    let text = fs::read_to_string(&path).map_err(|error| format!("could not read `{DOC}`: {error}"))?;
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| format!("`{DOC}` has no line `{BEGIN}`"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("`{DOC}` has no line `{END}`"))?;
    let mut made = format!(
        "{before}{BEGIN}\n\n| group | calls | status | and reason | and body |\n| --- | ---: | ---: | ---: | ---: |\n"
    );
    let rows = results.groups.iter().map(|(name, row)| (name.as_str(), row));
    for (name, row) in rows.chain([("**all**", &results.total)]) {
        let share = |level: &str| format!("{:.1} %", Results::share(row, level) * 100.0);
        let calls = row.get("n").copied().unwrap_or(0.0);
        made.push_str(&format!(
            "| {name} | {calls} | {} | {} | {} |\n",
            share("l1"),
            share("l2"),
            share("l3")
        ));
    }
    made.push_str("\nThe calls that differed in that run:\n\n");
    for (id, level, call) in &results.differences {
        made.push_str(&format!("- `{}` {level}: `{call}`\n", short(id)));
    }
    made.push_str(&format!("\n{END}{after}"));
    fs::write(&path, made).map_err(|error| format!("could not write `{DOC}`: {error}"))
}

fn json(path: &Path) -> Result<Value, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("could not read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("could not understand `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_short() {
        assert_eq!(short("030-lxc.019"), "030.019");
        assert_eq!(short("060-storage-pools-access-firewall.123"), "060.123");
    }
}
