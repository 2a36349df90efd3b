//! A world: an embedded node in memory, and a backend on it. Under tokio's paused clock its tasks take no time.

use std::{sync::Arc, time::Duration};

use phoenix_core::{
    Backend, Diagnostics, Evidence, Facts, Plan, Power, Probe,
    engine::{Cancel, Converged, Events, Verdict, converge, gather},
    planner::{self, Intent, Reboots, Request, Resolved},
    property::PropertyString,
};
use phoenix_node::{Node, NodeSeed, Options, Server};
use phoenix_pve::{Limits, PveBackend};

use crate::{counted::Counted, lab::Lab, sandbox::OwnSandbox};

/// An embedded node in memory, and a backend on it.
pub struct World {
    /// The node.
    pub node: Arc<Node>,
    /// The backend.
    pub backend: Arc<PveBackend>,
    /// Its way into guests.
    pub channel: Arc<Counted>,
    /// What serves the node, if it is not called in process.
    pub server: Option<Server>,
    /// Where its real containers are, if they are real.
    pub sandbox: Option<OwnSandbox>,
    /// What becomes of reboots.
    pub reboots: Reboots,
}

/// Keys that PVE fills with random values.
const RANDOM_KEYS: [&str; 3] = ["smbios1", "vmgenid", "meta"];

impl World {
    /// Returns a world without guests.
    pub fn new() -> Self {
        Self::seeded(NodeSeed::default())
    }

    /// Returns a world without guests that has these storages and bridges.
    pub fn seeded(seed: NodeSeed) -> Self {
        let node = Node::in_memory(Options { seed, ..Options::default() });
        let limits = Limits { poll_floor: Duration::from_millis(5), ..Limits::default() };
        let channel = Counted::new(node.clone());
        let backend = Arc::new(PveBackend::new(node.clone(), channel.clone(), node.name(), limits));
        Self { node, backend, channel, server: None, sandbox: None, reboots: Reboots::default() }
    }

    /// Returns a world of what the node of a lab has, with the lab's word on reboots.
    pub fn of(lab: &Lab) -> Self {
        Self { reboots: lab.reboots, ..Self::seeded(lab.seed.clone()) }
    }

    /// Returns the request for all of a lab.
    pub fn request(&self) -> Request {
        Request::converge_all().with_reboots(self.reboots)
    }

    /// Gathers the facts of a lab.
    pub async fn facts(&self, resolved: &Resolved) -> Result<Facts, Diagnostics> {
        gather(resolved, &self.request(), self.backend.as_ref()).await
    }

    /// Plans a lab as the world is now.
    pub async fn plan(&self, resolved: &Resolved) -> Result<Plan, Diagnostics> {
        let facts = self.facts(resolved).await?;
        planner::plan(resolved, &self.request(), &facts)
    }

    /// Brings a lab up.
    pub async fn converge(&self, resolved: &Resolved) -> Result<Converged, Diagnostics> {
        let (silent, cancel) = (Events::silent(), Cancel::default());
        converge(resolved, &self.request(), self.backend.as_ref(), &silent, &cancel).await
    }

    /// Stops a guest and starts it again.
    ///
    /// # Panics
    /// If that fails.
    pub async fn restart(&self, resolved: &Resolved, id: &str) {
        let id = id.parse().expect("an id");
        let request = Request::new([id], Intent::Power(Power::Restarted));
        let (silent, cancel) = (Events::silent(), Cancel::default());
        let run = converge(resolved, &request, self.backend.as_ref(), &silent, &cancel).await;
        let run = run.unwrap_or_else(|found| panic!("{found}"));
        assert!(matches!(run.verdict, Verdict::Settled), "{:?}", run.last.failed);
    }

    /// Returns all that can be known of a lab, without what PVE makes up at random: two worlds that were brought to
    /// the same state in different ways are equal in it.
    pub async fn portrait(&self, resolved: &Resolved) -> Result<Facts, Diagnostics> {
        Ok(portrait(&self.facts(resolved).await?))
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Resolves a lab.
pub fn resolve(lab: &Lab) -> Result<Resolved, Diagnostics> {
    Resolved::new(&lab.registry, &lab.desired)
}

/// Brings a lab up through a backend.
pub async fn converge_with(resolved: &Resolved, backend: &dyn Backend) -> Result<Converged, Diagnostics> {
    converge(resolved, &Request::converge_all(), backend, &Events::silent(), &Cancel::default()).await
}

fn portrait(facts: &Facts) -> Facts {
    facts
        .iter()
        .map(|(probe, evidence)| {
            let mut evidence = evidence.clone();
            if let Evidence::Config(config) = &mut evidence {
                config.digest.clear();
                config.values.retain(|key, _| !RANDOM_KEYS.contains(&key.as_str()));
                for (key, value) in &mut config.values {
                    if key.starts_with("net") {
                        *value = without_mac(value);
                    }
                }
            }
            (probe.clone(), evidence)
        })
        .filter(|(probe, _)| !matches!(probe, Probe::Storages { .. }))
        .collect()
}

fn without_mac(net: &str) -> String {
    let mut net = PropertyString::parse(net, "model");
    net.take("hwaddr");
    let model = net.iter().find(|(_, value)| value.matches(':').count() == 5).map(|(key, _)| key.to_owned());
    if let Some(model) = model {
        net.set(&model, "");
    }
    net.to_string()
}
