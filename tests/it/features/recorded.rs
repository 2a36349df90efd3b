//! Hosts that no test has, from what their programs said: sessions in `tests/recorded`, written to the formats that the programs
//! document. `$` begins a command, `?` tells the status that it ended with, `@` a file, `+` packages, `%` a unit that
//! runs, `<` another session.

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use phoenix_core::{
    BackendError, Diagnostics, Evidence, FeatureUse, Plan, Probe, Reader, Site,
    engine::gather,
    evidence::FileState,
    planner::{self, Request},
};
use phoenix_tests::{lab::Lab, world::resolve};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::block_on;

/// What a host says.
#[derive(Clone, Default)]
pub(super) struct Recorded(pub(super) BTreeMap<Probe, Evidence>);

pub(super) fn site() -> Site {
    Site::Host("pve1".into())
}

impl Recorded {
    /// Reads a session.
    pub(super) fn read(name: &str) -> Self {
        let mut recorded = Self::default();
        recorded.load(name);
        recorded
    }

    fn load(&mut self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded").join(name);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut last: Option<(Probe, i32, String)> = None;
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("<", other)) => self.load(other),
                Some(("$", command)) => {
                    self.keep(last.take());
                    last = Some((Probe::command(&site(), command.split(' ')), 0, String::new()));
                }
                Some(("@", path)) => {
                    self.keep(last.take());
                    last = Some((Probe::file(&site(), path), 0, String::new()));
                }
                Some(("?", status)) => {
                    if let Some((_, kept, _)) = &mut last {
                        *kept = status.parse().expect("a status");
                    }
                }
                Some(("%", name)) => {
                    let unit = Evidence::Unit { active: true, enabled: true, stale: Default::default() };
                    let reads = [format!("/etc/systemd/system/{name}")].into();
                    self.0.insert(Probe::Unit { site: site(), name: name.to_owned(), reads }, unit);
                }
                Some(("+", names)) => {
                    for name in names.split(' ') {
                        self.0
                            .insert(Probe::package(&site(), name), Evidence::Package { version: "1".into() });
                    }
                }
                _ => {
                    if let Some((_, _, said)) = &mut last {
                        said.push_str(line);
                        said.push('\n');
                    }
                }
            }
        }
        self.keep(last);
    }

    fn keep(&mut self, last: Option<(Probe, i32, String)>) {
        let Some((probe, status, said)) = last else { return };
        let evidence = match &probe {
            Probe::File { .. } => Evidence::File(FileState {
                directory: false,
                sha256: Sha256::digest(&said).iter().map(|byte| format!("{byte:02x}")).collect(),
                mode: 0o644,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                link: None,
                text: Some(said),
            }),
            _ => Evidence::Output { status, stdout: said, stderr: String::new() },
        };
        self.0.insert(probe, evidence);
    }

    /// Plans features on the host.
    pub(super) fn plan(&self, features: &[(&str, Value)]) -> Result<Plan, Diagnostics> {
        let uses = features.iter().map(|(name, config)| FeatureUse::new(name, config.clone())).collect();
        let resolved = resolve(&Lab::new().with_host("pve1", uses))?;
        let request = Request::converge_all();
        let facts = block_on(gather(&resolved, &request, self))?;
        planner::plan(&resolved, &request, &facts)
    }

    /// Returns what a reader sees of the plan.
    pub(super) fn shown(&self, features: &[(&str, Value)]) -> String {
        match self.plan(features) {
            Err(found) => format!("{found}\n"),
            Ok(plan) => {
                let notes = plan.notes.iter().map(|note| format!("{note}\n"));
                let line = |sign: &str, step: &phoenix_core::Step| {
                    let action = json!(step.action);
                    let argv: Vec<&str> =
                        action["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    let text = action["content"]["text"].as_str().unwrap_or_default();
                    let text: String = text.lines().map(|line| format!("      {line}\n")).collect();
                    let argv =
                        if argv.is_empty() { String::new() } else { format!("      $ {}\n", argv.join(" ")) };
                    format!("{sign} {}  ({})\n{argv}{text}", step.id, step.reason)
                };
                let steps = plan.steps.iter().map(|step| line("~", step));
                let held = plan.held.iter().map(|step| line("waits:", step));
                let text: String = notes.chain(steps).chain(held).collect();
                if text.is_empty() { "nothing to do\n".to_owned() } else { text }
            }
        }
    }
}

#[async_trait]
impl Reader for Recorded {
    async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        let answer = |probe: &Probe| {
            self.0.get(probe).cloned().unwrap_or_else(|| match probe {
                Probe::Command { .. } => {
                    Evidence::Output { status: 127, stdout: String::new(), stderr: "not found".to_owned() }
                }
                _ => Evidence::Absent,
            })
        };
        probes.iter().map(|probe| Ok(answer(probe))).collect()
    }
}
