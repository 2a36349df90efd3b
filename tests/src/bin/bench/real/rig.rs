//! A node of real containers in a directory of its own, and what is done with it.

use std::{
    collections::BTreeSet,
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use phoenix_core::{
    Action, Power, StepId,
    engine::{Cancel, Event, Events, execute, gather},
    planner::{self, Intent, Request, Resolved},
};
use phoenix_node::{Node, Options};
use phoenix_pve::{Limits, PveBackend};
use phoenix_sandbox::{Bridge, Containers, SandboxSpec};

use super::lab::{IMAGE, clones, lab, numbers};
use crate::planning::said;

const BY_HAND: &str = include_str!("by_hand.sh");
/// Asks each container how its systemd is, and what has failed in it.
const ASK: &str = r#"for vmid in "$@"; do
    /usr/local/sbin/pct exec "$vmid" -- sh -c 'echo $(systemctl is-system-running; systemctl --failed --plain --no-legend)'
done; exit 0"#;
const LIMIT: Duration = Duration::from_secs(600);
/// Its directory, in the one of the measurement.
pub(super) const NODE: &str = "node";
/// Where images are kept unless the environment says where.
const CACHE: &str = "/var/cache/phoenix/templates";

/// The node and what belongs to it.
pub(super) struct Rig {
    backend: PveBackend,
    containers: Containers,
    /// The image, unpacked.
    tree: PathBuf,
    by_hand: PathBuf,
    _node: Arc<Node>,
}

/// What a plan did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) steps: usize,
    pub(super) wall: f64,
    /// How many starts were on their way at the same time.
    pub(super) starts_at_once: usize,
}

impl Rig {
    /// Makes a node with the template on it; or tells why there is no image for it.
    pub(super) async fn begin(dir: &Path) -> Result<Result<Self, String>, Box<dyn Error>> {
        let dir = dir.join(NODE);
        let cache = std::env::var_os("PHOENIX_TEMPLATE_CACHE").map_or_else(|| CACHE.into(), PathBuf::from);
        let spec = SandboxSpec {
            dir: Node::sandbox_dir(&dir),
            hostname: "phoenix".to_owned(),
            bridges: vec![Bridge {
                name: "vmbr0".to_owned(),
                addresses: vec!["10.86.0.1/16".to_owned()],
                gateways: Vec::new(),
            }],
            uplink: false,
        };
        let by_hand = spec.dir.join("by-hand");
        let containers = match Containers::new(spec, cache) {
            Ok(containers) => containers,
            Err(lacking) => return Ok(Err(format!("{lacking:?}"))),
        };
        if let Err(error) = containers.images().tarball(IMAGE, |_| ()).await {
            return Ok(Err(format!("no image `{IMAGE}`: {error}")));
        }
        let node = Node::open_real(&dir, Options::default(), containers.clone()).await?;
        // As `phoenix` does in process.
        let limits = Limits {
            poll_floor: Duration::from_millis(2),
            firewall_settle: Duration::ZERO,
            ..Limits::default()
        };
        let backend = PveBackend::new(node.clone(), node.clone(), node.name(), limits);
        let tree = containers.images().unpack(IMAGE, phoenix_sandbox::Owners::Shifted).await?;
        let rig = Self { backend, containers, tree, by_hand, _node: node };
        rig.perform(0, &Request::converge_all()).await?;
        // What the first of both would have to wait for.
        rig.containers.sandbox().await?;
        Ok(Ok(rig))
    }

    /// Brings so many clones up.
    pub(super) async fn up(&self, size: u32) -> Result<Done, Box<dyn Error>> {
        self.perform(size, &Request::converge_all()).await
    }

    /// Does it again; tells how many steps were left, and how long it took.
    pub(super) async fn again(&self, size: u32) -> Result<(usize, f64), Box<dyn Error>> {
        let done = self.perform(size, &Request::converge_all()).await?;
        Ok((done.steps, done.wall))
    }

    /// Stops the clones; tells how long that took.
    pub(super) async fn stop(&self, size: u32) -> Result<f64, Box<dyn Error>> {
        Ok(self.perform(size, &Request::new(clones(size), Intent::Power(Power::Stopped))).await?.wall)
    }

    /// Removes them.
    pub(super) async fn remove(&self, size: u32) -> Result<(), Box<dyn Error>> {
        self.perform(size, &Request::new(clones(size), Intent::Remove)).await.map(drop)
    }

    /// Counts the clones whose systemd says that all its services run, and returns what the others say.
    pub(super) async fn running(&self, size: u32) -> Result<(usize, BTreeSet<String>), Box<dyn Error>> {
        let numbers: Vec<String> = numbers(size).map(|vmid| vmid.to_string()).collect();
        let words = ["/bin/sh", "-c", ASK, "sh"].into_iter().chain(numbers.iter().map(String::as_str));
        let words: Vec<&str> = words.collect();
        let said = self.containers.sandbox().await?.run(&words, b"", LIMIT).await?;
        let is_running = |line: &&str| *line == "running";
        let others = said.text.lines().filter(|line| !is_running(line)).map(str::to_owned).collect();
        Ok((said.text.lines().filter(is_running).count(), others))
    }

    /// Does the same by a script; tells how long it took.
    pub(super) async fn by_hand(&self, verb: &str, size: u32) -> Result<f64, Box<dyn Error>> {
        let sandbox = self.containers.sandbox().await?;
        let (dir, tree) = (self.by_hand.display().to_string(), self.tree.display().to_string());
        let size = size.to_string();
        let begun = Instant::now();
        sandbox.run(&["/bin/sh", "-c", BY_HAND, "sh", verb, &dir, &tree, &size], b"", LIMIT).await?;
        Ok(begun.elapsed().as_secs_f64())
    }

    async fn perform(&self, size: u32, request: &Request) -> Result<Done, Box<dyn Error>> {
        let begun = Instant::now();
        let lab = lab(size);
        let resolved = Resolved::new(&lab.registry, &lab.desired).map_err(said)?;
        let facts = gather(&resolved, request, &self.backend).await.map_err(said)?;
        let plan = planner::plan(&resolved, request, &facts).map_err(said)?;
        let is_start = |action: &Action| matches!(action, Action::Start { .. });
        let starts: BTreeSet<StepId> =
            plan.steps.iter().filter(|step| is_start(&step.action)).map(|step| step.id.clone()).collect();
        let (events, mut listener) = Events::channel();
        let (outcome, starts_at_once) = tokio::join!(
            async {
                let outcome = execute(&plan, &self.backend, &events, &Cancel::default()).await;
                // The listener ends when the last sender is gone.
                drop(events);
                outcome
            },
            async {
                let (mut now, mut most) = (0_usize, 0);
                while let Some(event) = listener.recv().await {
                    match event {
                        Event::Started { step } if starts.contains(&step) => now += 1,
                        Event::Finished { step, .. } if starts.contains(&step) => now = now.saturating_sub(1),
                        _ => {}
                    }
                    most = most.max(now);
                }
                most
            }
        );
        if let Some(failure) = outcome.failed.first() {
            return Err(format!("`{}` failed: {}", failure.step, failure.error).into());
        }
        Ok(Done { steps: plan.steps.len(), wall: begun.elapsed().as_secs_f64(), starts_at_once })
    }
}
