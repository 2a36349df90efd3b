//! A toy: guests that only exist and run, a feature that writes one file, and a backend that holds them in a map.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use phoenix_core::{
    Action, Backend, BackendError, Claim, Content, Declared, Demand, Descriptor, Desired, Diagnostic,
    Diagnostics, ErrorKind, Evidence, Facts, FeatureUse, GuestId, Lifecycle, Lock, Manager, Phase, Probe,
    Reader, Registry, Requirement, Resource, ResourceId, Site, Stage, Step, TypedFeature, Vmid, async_trait,
    engine::Events,
    evidence::{FileState, GuestRow},
    feature::{Lifted, SiteKind},
    manager::{Planned, Provision},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A guest that exists and runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Toy {
    pub(crate) vmid: u32,
    #[serde(default)]
    pub(crate) from: Option<u32>,
    #[serde(default)]
    pub(crate) needs: Vec<u32>,
    #[serde(default)]
    pub(crate) memory: u64,
}

pub(crate) struct ToyManager;

impl Resource for Toy {
    const KIND: &'static str = "lxc";

    fn id(&self) -> ResourceId {
        GuestId::lxc(self.vmid).resource()
    }

    fn requires(&self) -> Vec<Requirement> {
        let requirement = |vmid: &u32, stage| Requirement { id: GuestId::lxc(*vmid).resource(), stage };
        let clone = self.from.iter().map(|vmid| requirement(vmid, Stage::Create));
        clone.chain(self.needs.iter().map(|vmid| requirement(vmid, Stage::Start))).collect()
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        match claim {
            Claim::Memory { mib } if self.memory < *mib => {
                Err(Diagnostic::error("too-small", format!("`{by}` needs {mib} MiB")))
            }
            _ => Ok(()),
        }
    }
}

impl Manager for ToyManager {
    type Spec = Toy;
    type Observed = bool;

    fn probes(&self, _: &ResourceId, _: Option<&Toy>, _: &Facts) -> Vec<Probe> {
        vec![Probe::Guests]
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<bool>, Diagnostics> {
        let guest = id.guest().expect("toys are guests");
        Ok(facts.row(guest.vmid).map(|row| row.running))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&Toy>,
        found: Option<&bool>,
        _: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let guest = id.guest().expect("toys are guests");
        let step = |verb, phase, action| Step::new(id, "guest", verb, phase, action, "it is not so");
        let mut planned = Planned::default();
        match want {
            None if found.is_some() => {
                planned.steps.push(step("delete", Phase::Remove, Action::Delete { guest }));
            }
            None => {}
            Some(_) => {
                if found.is_none() {
                    let action = Action::CreateLxc {
                        vmid: guest.vmid,
                        node: None,
                        template_storage: "local".into(),
                        template: "toy".into(),
                        params: BTreeMap::new(),
                    };
                    planned.steps.push(step("create", Phase::Create, action));
                }
                if found != Some(&true) {
                    planned.steps.push(step("start", Phase::Power, Action::Start { guest }));
                }
                planned.provision = if found.is_some() { Provision::Observed } else { Provision::Fresh };
            }
        }
        Ok(planned)
    }

    fn lifecycle(&self, _: Option<&Toy>, found: Option<&bool>) -> Lifecycle {
        match found {
            None => Lifecycle::Absent,
            Some(true) => Lifecycle::Healthy,
            Some(false) => Lifecycle::Configured,
        }
    }
}

/// A feature that writes one file, and claims memory if told to.
pub(crate) struct Motd(pub(crate) Descriptor);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MotdConfig {
    text: String,
    #[serde(default)]
    memory: Option<u64>,
    #[serde(default)]
    gpu: Option<(u32, u32)>,
    /// Wants to know the nodes.
    #[serde(default)]
    nodes: bool,
}

pub(crate) fn motd(name: &str, after: &[&str]) -> Box<Lifted<Motd>> {
    Box::new(Lifted(Motd(Descriptor {
        name: name.into(),
        version: "1.0.0".parse().expect("a version"),
        summary: "writes a message".into(),
        config_schema: json!({}),
        sites: BTreeSet::from([SiteKind::Lxc]),
        after: after.iter().map(|&name| name.to_owned()).collect(),
        artifacts: Vec::new(),
    })))
}

impl Motd {
    fn path(&self) -> String {
        format!("/etc/{}", self.0.name)
    }
}

impl TypedFeature for Motd {
    type Config = MotdConfig;

    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    fn claims(&self, config: &MotdConfig) -> Vec<Claim> {
        let memory = config.memory.iter().map(|&mib| Claim::Memory { mib });
        let gpu = config.gpu.iter().map(|&(gpu, percent)| Claim::GpuMemory { gpu, percent });
        memory.chain(gpu).collect()
    }

    fn probes(&self, site: &Site, config: &MotdConfig, _: &Facts) -> Vec<Probe> {
        let file = Probe::File { site: site.clone(), path: self.path() };
        [file].into_iter().chain(config.nodes.then_some(Probe::Nodes)).collect()
    }

    fn plan(&self, site: &Site, config: &MotdConfig, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        let probe = Probe::File { site: site.clone(), path: self.path() };
        if matches!(facts.get(&probe), Some(Evidence::File(file)) if file.text.as_ref() == Some(&config.text))
        {
            return Ok(Vec::new());
        }
        let action = Action::WriteFile {
            site: site.clone(),
            path: self.path(),
            content: Content::Text(config.text.clone()),
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            check: Vec::new(),
        };
        let resource = site.guest().expect("a guest").resource();
        Ok(vec![Step::new(&resource, &self.0.name, "write", Phase::Provision, action, "the text differs")])
    }
}

/// Whether a guest runs, and its files.
type Inside = (bool, BTreeMap<String, String>);

/// Guests and their files in a map, one action at a time per guest.
#[derive(Default)]
pub(crate) struct ToyBackend {
    pub(crate) guests: Mutex<BTreeMap<Vmid, Inside>>,
    pub(crate) refuses: Mutex<BTreeSet<String>>,
    pub(crate) forgets: bool,
    pub(crate) log: Mutex<Vec<String>>,
}

#[async_trait]
impl Reader for ToyBackend {
    async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        let guests = self.guests.lock().expect("no panic");
        let rows = || {
            let row = |(vmid, (running, _)): (&Vmid, &Inside)| {
                let row = GuestRow {
                    guest: GuestId::lxc(vmid.0),
                    node: "toy".into(),
                    name: None,
                    running: *running,
                    template: false,
                    lock: None,
                    tags: BTreeSet::new(),
                    task: None,
                };
                (*vmid, row)
            };
            guests.iter().map(row).collect()
        };
        let answer = |probe: &Probe| match probe {
            Probe::Guests => Evidence::Guests { rows: rows() },
            Probe::Nodes => Evidence::Nodes { rows: Vec::new() },
            Probe::File { site, path } => {
                let vmid = site.guest().expect("a guest").vmid;
                guests.get(&vmid).and_then(|(_, files)| files.get(path)).map_or(Evidence::Absent, |text| {
                    Evidence::File(FileState {
                        directory: false,
                        sha256: String::new(),
                        mode: 0o644,
                        owner: "root".into(),
                        group: "root".into(),
                        link: None,
                        text: Some(text.clone()),
                    })
                })
            }
            other => panic!("nobody asks the toy {other:?}"),
        };
        probes.iter().map(|probe| Ok(answer(probe))).collect()
    }
}

#[async_trait]
impl Backend for ToyBackend {
    async fn perform(&self, step: &Step, _: &Events) -> Result<(), BackendError> {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        self.log.lock().expect("no panic").push(step.id.to_string());
        let refused = self.refuses.lock().expect("no panic").contains(step.id.as_str());
        assert!(!(refused && step.id.verb() == "write"), "a write that panics");
        if refused {
            return Err(BackendError::new(ErrorKind::Failed, "refused"));
        }
        if self.forgets {
            return Ok(());
        }
        let vmid = step.action.vmid().expect("a guest");
        let mut guests = self.guests.lock().expect("no panic");
        match &step.action {
            Action::CreateLxc { .. } => drop(guests.entry(vmid).or_default()),
            Action::Start { .. } => guests.get_mut(&vmid).expect("created before").0 = true,
            Action::Delete { .. } => drop(guests.remove(&vmid)),
            Action::WriteFile { path, content: Content::Text(text), .. } => {
                guests.get_mut(&vmid).expect("created before").1.insert(path.clone(), text.clone());
            }
            other => panic!("nobody asks the toy for {other:?}"),
        }
        Ok(())
    }

    fn demand(&self, step: &Step) -> Demand {
        let vmid = step.action.vmid().map_or(0, |vmid| vmid.0);
        Demand {
            locks: vec![Lock { name: format!("guest:{vmid}"), capacity: 1, units: 1 }],
            estimate: std::time::Duration::from_millis(100),
        }
    }
}

/// Returns a registry of the toys.
pub(crate) fn registry() -> Registry {
    Registry::new()
        .with_manager(ToyManager)
        .with_feature(motd("motd", &["aaa-late"]))
        .with_feature(motd("aaa-late", &[]))
}

/// Returns what is desired: each toy with its features.
pub(crate) fn desired(toys: &[(Toy, Vec<FeatureUse>)]) -> Desired {
    let declared = |(toy, features): &(Toy, Vec<FeatureUse>)| {
        let mut declared = Declared::new(serde_json::to_value(toy).expect("a toy is JSON"));
        declared.features = features.clone();
        (toy.id(), declared)
    };
    Desired { resources: toys.iter().map(declared).collect(), ..Desired::default() }
}

/// Returns a toy.
pub(crate) fn toy(vmid: u32, from: Option<u32>, needs: &[u32]) -> Toy {
    Toy { vmid, from, needs: needs.to_vec(), memory: 512 }
}
