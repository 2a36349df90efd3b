//! A Proxmox VE as facts alone: what it has of each kind, and the records of its node.

use std::collections::BTreeMap;

use phoenix_core::{
    Action, Declared, Desired, Diagnostics, Evidence, Facts, ObjectKind, Objects, Plan, Probe, Registry,
    evidence::FileState,
    object::{Values, record_probe},
    planner::{self, Intent, Leftovers, Request, Resolved},
};
use phoenix_hypervisor::{access, inventory::Inventory, network::Interfaces, storage::Storages};
use serde_json::Value;

/// The node.
pub(crate) const NODE: &str = "pve1";

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pve {
    pub(crate) rows: BTreeMap<ObjectKind, BTreeMap<String, Values>>,
    /// The lines of records.
    pub(crate) records: BTreeMap<(ObjectKind, String), Vec<String>>,
    /// Files of the node: size and permission bits.
    pub(crate) files: BTreeMap<String, (u32, u32)>,
    pub(crate) pending: Option<String>,
}

impl Pve {
    /// Adds an object.
    pub(crate) fn with(mut self, of: ObjectKind, name: &str, pairs: &[(&str, &str)]) -> Self {
        self.rows.entry(of).or_default().insert(name.to_owned(), values(pairs));
        self
    }

    /// Adds a record.
    pub(crate) fn recorded(mut self, of: ObjectKind, name: &str, lines: &[&str]) -> Self {
        self.records.insert((of, name.to_owned()), lines.iter().map(|&line| line.to_owned()).collect());
        self
    }

    fn answer(&self, probe: &Probe) -> Evidence {
        match probe {
            Probe::Objects { of } => {
                let pending = self.pending.clone().filter(|_| matches!(of, ObjectKind::Interface { .. }));
                let rows = self.rows.get(of).cloned().unwrap_or_default();
                Evidence::Objects(Objects { rows, pending, ..Objects::default() })
            }
            Probe::Command { argv, .. } => match self.files.get(&argv[3]) {
                Some((size, mode)) => {
                    let stdout = format!("{size} {mode}\n");
                    Evidence::Output { status: 0, stdout, stderr: String::new() }
                }
                None => Evidence::Output { status: 1, stdout: String::new(), stderr: String::new() },
            },
            probe => {
                let is_asked = |(of, name): &(ObjectKind, String)| record_probe(NODE, of, name) == *probe;
                let found = self.records.iter().find(|(key, _)| is_asked(key));
                found.map_or(Evidence::Absent, |(_, lines)| file(&lines.join("\n")))
            }
        }
    }
}

fn file(text: &str) -> Evidence {
    Evidence::File(FileState {
        directory: false,
        sha256: String::new(),
        mode: 0o600,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        link: None,
        text: Some(format!("# a record\n{text}\n")),
    })
}

pub(crate) fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn registry() -> Registry {
    Registry::new()
        .with_manager(access::Access::<access::Group>::default())
        .with_manager(access::Access::<access::Role>::default())
        .with_manager(access::Access::<access::User>::default())
        .with_manager(access::acl::Acl)
        .with_manager(access::token::Tokens)
        .with_manager(Inventory)
        .with_manager(Interfaces)
        .with_manager(Storages)
}

/// Returns the plan of some resources.
pub(crate) fn plan(specs: &[(&str, Value)], pve: &Pve, leftovers: Leftovers) -> Result<Plan, Diagnostics> {
    let mut desired = Desired::default();
    for (id, spec) in specs {
        desired.resources.insert(id.parse().expect("an id"), Declared::new(spec.clone()));
    }
    let resolved = Resolved::new(&registry(), &desired)?;
    let request = Request::new(resolved.apart().cloned(), Intent::Converge).with_leftovers(leftovers);
    let facts = facts(&resolved, &request, pve);
    planner::plan(&resolved, &request, &facts)
}

/// Asks until nobody asks for more, as the engine does.
fn facts(resolved: &Resolved, request: &Request, pve: &Pve) -> Facts {
    struct Asked<'a>(&'a Pve);
    #[phoenix_core::async_trait]
    impl phoenix_core::Reader for Asked<'_> {
        async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, phoenix_core::BackendError>> {
            probes.iter().map(|probe| Ok(self.0.answer(probe))).collect()
        }
    }
    let reader = Asked(pve);
    let gathered = phoenix_core::engine::gather(resolved, request, &reader);
    let mut gathered = std::pin::pin!(gathered);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match gathered.as_mut().poll(&mut context) {
        std::task::Poll::Ready(facts) => facts.unwrap_or_else(|found| panic!("{found}")),
        std::task::Poll::Pending => panic!("facts are there at once"),
    }
}

/// Returns the steps' ids without their resources.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let words = |id: &str| id.split_once(':').map_or("", |(_, rest)| rest).to_owned();
    plan.steps.iter().map(|step| words(step.id.as_str())).collect()
}

/// Returns the codes of what stands against a plan.
pub(crate) fn refusals(planned: Result<Plan, Diagnostics>) -> Vec<String> {
    let found = planned.expect_err("something stands against it");
    found.iter().map(|one| format!("{}: {}", one.code, one.message)).collect()
}

/// Returns the actions of a plan.
pub(crate) fn actions(plan: &Plan) -> impl Iterator<Item = &Action> {
    plan.steps.iter().map(|step| &step.action)
}
