//! A world of facts, on which a manager's plans are carried out as Proxmox VE would: enough to see that a second
//! plan finds nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Action, Diagnostics, Evidence, Facts, GuestId, Manager, Phase, Probe, Resource, Stamp,
    evidence::{GuestConfig, GuestRow, SnapshotRow, StorageRow},
    layer,
    manager::Planned,
    plan::Step,
};

#[derive(Default)]
pub(crate) struct World {
    pub(crate) facts: Facts,
    macs: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let content: BTreeSet<String> =
            ["images", "rootdir", "vztmpl", "import"].map(str::to_owned).into_iter().collect();
        let row =
            StorageRow { plugin: "dir".into(), content, active: true, shared: false, total: 1, free: 1 };
        let rows = BTreeMap::from([("local".to_owned(), row)]);
        let facts = Facts::from_iter([
            (Probe::Guests, Evidence::Guests { rows: BTreeMap::new() }),
            (Probe::Storages { node: None }, Evidence::Storages { rows }),
        ]);
        Self { facts, macs: 0 }
    }

    /// Changes a guest's row, which is made if there is none.
    pub(crate) fn row(&mut self, guest: GuestId, change: impl FnOnce(&mut GuestRow)) {
        let mut rows = match self.facts.get(&Probe::Guests) {
            Some(Evidence::Guests { rows }) => rows.clone(),
            _ => BTreeMap::new(),
        };
        change(rows.entry(guest.vmid).or_insert_with(|| GuestRow {
            guest,
            node: "phoenix".into(),
            name: None,
            running: false,
            template: false,
            lock: None,
            tags: BTreeSet::new(),
            task: None,
        }));
        self.facts.insert(Probe::Guests, Evidence::Guests { rows });
    }

    pub(crate) fn config(&mut self, guest: GuestId) -> GuestConfig {
        self.facts.config(guest).cloned().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, guest: GuestId, key: &str, value: &str) {
        let mut config = self.config(guest);
        config.values.insert(key.to_owned(), value.to_owned());
        self.store(guest, config);
    }

    pub(crate) fn store(&mut self, guest: GuestId, mut config: GuestConfig) {
        for (key, value) in &mut config.values {
            self.macs += 1;
            *value = stored(guest, key, value, self.macs);
        }
        config.digest = layer::LayerId::of(&serde_json::json!(config.values)).0;
        self.facts.insert(Probe::Config { guest }, Evidence::Config(config));
    }

    pub(crate) fn snapshots(&mut self, guest: GuestId) -> Vec<SnapshotRow> {
        match self.facts.get(&Probe::Snapshots { guest }) {
            Some(Evidence::Snapshots { rows }) => rows.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn perform(&mut self, step: &Step) {
        match &step.action {
            Action::CreateLxc { vmid, params, .. } | Action::CreateVm { vmid, params, .. } => {
                let guest = GuestId { vmid: *vmid, ..step.resource.guest().expect("a guest's step") };
                self.row(guest, |_| {});
                self.store(guest, GuestConfig { values: params.clone(), ..GuestConfig::default() });
            }
            Action::Clone { source, target, name, description, .. } => {
                let guest = GuestId { vmid: *target, ..*source };
                let mut values = self.config(*source).values;
                values.insert("description".into(), description.clone());
                let key = if values.contains_key("hostname") { "hostname" } else { "name" };
                values.insert(key.into(), name.clone());
                values.retain(|key, _| !matches!(key.as_str(), "template" | "parent"));
                for (key, value) in &mut values {
                    if key.starts_with("net") {
                        let parts = value.split(',').filter(|part| !part.starts_with("hwaddr="));
                        *value = parts.collect::<Vec<_>>().join(",");
                    }
                }
                self.row(guest, |_| {});
                self.store(guest, GuestConfig { values, ..GuestConfig::default() });
            }
            Action::Configure { guest, set, delete, digest } => {
                let mut config = self.config(*guest);
                assert!(
                    digest.is_none() || *digest == Some(config.digest.clone()),
                    "{}: stale digest",
                    step.id
                );
                config.values.extend(set.clone());
                config.values.retain(|key, _| !delete.contains(key));
                self.store(*guest, config);
            }
            Action::SetRawKeys { guest, lines } => {
                let text: Vec<_> = lines.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                self.set(*guest, "lxc", &text.join("\n"));
            }
            Action::Resize { guest, disk, gib } => {
                let value = self.config(*guest).values[disk].clone();
                let parts = value.split(',').filter(|part| !part.starts_with("size="));
                let text = format!("{},size={gib}G", parts.collect::<Vec<_>>().join(","));
                self.set(*guest, disk, &text);
            }
            Action::Start { guest } => self.row(*guest, |row| row.running = true),
            Action::Stop { guest, .. } => self.row(*guest, |row| row.running = false),
            Action::Migrate { guest, target } => self.row(*guest, |row| row.node.clone_from(target)),
            Action::MakeTemplate { guest } => self.row(*guest, |row| row.template = true),
            Action::Snapshot { guest, name, description } => {
                let mut rows = self.snapshots(*guest);
                assert!(rows.iter().all(|row| row.name != *name), "{name} is there");
                rows.push(SnapshotRow { name: name.clone(), parent: None, description: description.clone() });
                self.facts.insert(Probe::Snapshots { guest: *guest }, Evidence::Snapshots { rows });
                self.set(*guest, "parent", name);
            }
            Action::DeleteSnapshot { guest, name } => {
                let mut rows = self.snapshots(*guest);
                rows.retain(|row| row.name != *name);
                self.facts.insert(Probe::Snapshots { guest: *guest }, Evidence::Snapshots { rows });
            }
            Action::Delete { guest } => self.facts = self.facts.without_guests([*guest]),
            Action::Await { condition, .. } => {
                let answer = Evidence::Output { status: 0, stdout: String::new(), stderr: String::new() };
                self.facts.insert(condition.probe.clone(), answer);
            }
            Action::FetchOsTemplate { .. } | Action::FetchImage { .. } => {}
            other => panic!("a manager does not plan {other:?}"),
        }
    }

    /// Carries out a plan, phase by phase and each step behind those that it waits for.
    pub(crate) fn execute(&mut self, planned: &Planned) {
        for phase in [
            Phase::Remove,
            Phase::Create,
            Phase::Configure,
            Phase::Power,
            Phase::Provision,
            Phase::Verify,
            Phase::Seal,
        ] {
            let mut left: Vec<&Step> = planned.steps.iter().filter(|step| step.phase == phase).collect();
            while !left.is_empty() {
                let waiting: BTreeSet<_> = left.iter().map(|step| step.id.clone()).collect();
                let index = left.iter().position(|step| step.after.is_disjoint(&waiting)).expect("a cycle");
                self.perform(left.remove(index));
            }
        }
    }

    pub(crate) fn plan<M: Manager>(&self, manager: &M, want: &M::Spec) -> Result<Planned, Diagnostics> {
        let found = manager.observe(&want.id(), &self.facts)?;
        manager.plan(&want.id(), Some(want), found.as_ref(), &self.facts)
    }

    /// Plans, executes, and makes sure that nothing is left to do.
    pub(crate) fn converge<M: Manager>(&mut self, manager: &M, want: &M::Spec) -> Planned {
        let planned = self.plan(manager, want).unwrap_or_else(|found| panic!("{found}"));
        self.execute(&planned);
        let again = self.plan(manager, want).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(again.steps, [], "after {:?}", verbs(&planned));
        planned
    }
}

/// Stamps a spec as the planner does.
pub(crate) fn stamp<S: Resource>(
    spec: &mut S,
    parent: Option<&S>,
    base: Option<&Stamp>,
    features: Option<&str>,
) {
    let features = features.map(|name| layer::LayerId(name.to_owned()));
    let source = spec.layer().expect("guests have layers");
    let base = base.map(|stamp| stamp.layer.clone());
    let text = base.as_ref().map(|base| base.0.clone()).or(source.parent.map(|id| id.to_string()));
    spec.stamp(Stamp {
        layer: layer::identity(text.as_deref(), &source.content, features.as_ref()),
        base,
        features,
        parent_spec: parent.map(|parent| serde_json::to_value(parent).expect("specs are JSON").into()),
    });
}

pub(crate) fn verbs(planned: &Planned) -> Vec<&str> {
    planned.steps.iter().map(|step| step.id.verb()).collect()
}

pub(crate) fn step<'a>(planned: &'a Planned, verb: &str) -> &'a Step {
    planned.steps.iter().find(|step| step.id.verb() == verb).unwrap_or_else(|| panic!("no step {verb}"))
}

pub(crate) fn code(result: Result<Planned, Diagnostics>) -> String {
    result.expect_err("a refusal").0[0].code.to_string()
}

/// Returns a value as Proxmox VE stores it.
fn stored(guest: GuestId, key: &str, value: &str, number: u32) -> String {
    let mac = format!("BC:24:11:00:{:02X}:{:02X}", number / 256, number % 256);
    let (first, rest) = value.split_once(',').unwrap_or((value, ""));
    let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
    match (key.trim_end_matches(|c: char| c.is_ascii_digit()), first.split_once(':')) {
        ("net", _) if value.starts_with("model=") => format!("{}={mac}{rest}", &first["model=".len()..]),
        ("net", _) if value.starts_with("name=") && !value.contains("hwaddr=") => {
            format!("{value},hwaddr={mac},type=veth")
        }
        ("description", _) if guest.kind == phoenix_core::GuestKind::Lxc => format!("{}\n", value.trim_end()),
        ("scsi" | "ide" | "rootfs" | "mp", Some((storage, "cloudinit"))) => {
            format!("{storage}:vm-{}-cloudinit,media=cdrom", guest.vmid)
        }
        ("scsi" | "ide" | "rootfs" | "mp", Some((storage, "0"))) => {
            format!("{storage}:vm-{}-disk-{key},size=2252M", guest.vmid)
        }
        ("scsi" | "ide" | "rootfs" | "mp", Some((storage, gib))) if gib.parse::<f64>().is_ok() => {
            format!("{storage}:vm-{}-disk-{key}{rest},size={gib}G", guest.vmid)
        }
        _ => value.to_owned(),
    }
}
