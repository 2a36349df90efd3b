//! The live channel: an errand for a container is run by `pct exec` on its node, for a virtual machine by its guest agent
//! or by ssh, for a node by its own shell.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, Content, ErrorKind, Evidence, GuestId, GuestKind, Probe, Site};

use super::{
    agent::status_path,
    answer,
    nodes::Nodes,
    places::Places,
    port::{Guard, Guarded, GuestChannel},
    process::Ended,
    request::{self, ACT, ASK, Expected},
};
use crate::{client::Client, lenient};

/// How often one that is starting is tried.
const BOOTING: Duration = Duration::from_secs(2);

/// What a channel allows itself.
#[derive(Clone, Debug)]
pub struct ChannelLimits {
    /// How long a command may take that only asks.
    pub probe: Duration,
    /// How long a whole batch of probes may take.
    pub batch: Duration,
    /// How long files, links and accounts may take.
    pub quick: Duration,
    /// How long packages, units and commands may take.
    pub work: Duration,
    /// How long after its start a virtual machine may take until somebody in it answers.
    pub boot: Duration,
    /// How many bytes a command that only asks may say on each of its outputs.
    pub output: usize,
    /// The shortest interval between two questions to a guest agent.
    pub poll_floor: Duration,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(60),
            batch: Duration::from_secs(300),
            quick: Duration::from_secs(120),
            work: Duration::from_secs(1800),
            boot: Duration::from_secs(600),
            output: 1 << 20,
            poll_floor: Duration::from_millis(50),
        }
    }
}

/// The channel to the sites of a live cluster.
pub struct LiveChannel {
    pub(super) client: Client,
    pub(super) nodes: Nodes,
    pub(super) limits: ChannelLimits,
    /// Where nodes have the cluster's files.
    pub(super) pve_dir: PathBuf,
    /// Where nodes lock the configurations of containers.
    pub(super) lock_dir: PathBuf,
    /// Where nodes keep what a firewall was before it was changed.
    pub(super) guard_dir: PathBuf,
    places: Places,
}

/// What came of an errand.
pub(super) enum Came {
    /// The lines of its answer.
    Answer(Vec<u8>),
    /// There is no such site.
    Absent,
    /// The site cannot be asked now.
    Unreachable(String),
}

/// What a site is given to do.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) script: &'a str,
    pub(super) input: &'a [u8],
    pub(super) limit: Duration,
}

impl LiveChannel {
    /// Returns the channel to the sites of a cluster.
    pub fn new(client: Client, nodes: Nodes, limits: ChannelLimits) -> Self {
        Self {
            client,
            nodes,
            limits,
            pve_dir: PathBuf::from("/etc/pve"),
            lock_dir: PathBuf::from("/run/lock/lxc"),
            guard_dir: PathBuf::from("/var/lib/phoenix/firewall-guard"),
            places: Places::default(),
        }
    }

    /// Returns the node that a guest is on; none if it is nowhere.
    pub(super) async fn node_of(&self, guest: GuestId) -> Result<Option<String>, BackendError> {
        Ok(self.places.find(&self.client, guest).await?)
    }

    /// Runs an errand at a site.
    async fn run(&self, site: &Site, errand: Errand<'_>) -> Result<Came, BackendError> {
        match site {
            Site::Host(node) => self.on_node(node, errand).await,
            Site::Guest(guest) => self.in_guest(*guest, errand).await,
        }
    }

    /// Runs an errand on a node.
    pub(super) async fn on_node(&self, node: &str, errand: Errand<'_>) -> Result<Came, BackendError> {
        let words = ["/bin/sh", "-c", errand.script];
        match self.nodes.run(node, &words, errand.input, errand.limit).await? {
            None => Ok(Came::Absent),
            Some(ended) => judge(&Site::Host(node.into()), &ended, errand.limit),
        }
    }

    async fn in_guest(&self, guest: GuestId, errand: Errand<'_>) -> Result<Came, BackendError> {
        // A guest that has moved since it was last seen is looked for once.
        for _ in 0..2 {
            let Some(node) = self.node_of(guest).await? else { return Ok(Came::Absent) };
            let came = match guest.kind {
                GuestKind::Lxc => self.in_container(guest, &node, errand).await?,
                GuestKind::Vm => self.in_machine(guest, &node, errand).await?,
            };
            if !matches!(came, Came::Absent) {
                return Ok(came);
            }
            self.places.forget(guest).await;
        }
        Ok(Came::Absent)
    }

    async fn in_container(
        &self,
        guest: GuestId,
        node: &str,
        errand: Errand<'_>,
    ) -> Result<Came, BackendError> {
        let vmid = guest.vmid.to_string();
        let words = ["pct", "exec", &vmid, "--", "/bin/sh", "-c", errand.script];
        let Some(ended) = self.nodes.run(node, &words, errand.input, errand.limit).await? else {
            let message =
                format!("`{guest}` is on the node `{node}`, and the cluster tells no address of it");
            return Err(BackendError::new(ErrorKind::Unreachable, message)
                .with_hint("`pvecm status` on another node shows whether it is up"));
        };
        if answer::lines(&ended.output).is_none() {
            let says = |part: &str| ended.errors.contains(part);
            if says("Configuration file") && says("does not exist") {
                return Ok(Came::Absent);
            }
            if says("not running") || says("Failed to get init pid") {
                return Ok(Came::Unreachable(format!("`{guest}` does not run")));
            }
            if ended.status == 127 && says("pct") && !says("lxc-attach") {
                let message = format!(
                    "`{node}` has no `pct`: it is no host of Proxmox VE, or `PATH` is too short there"
                );
                return Err(BackendError::new(ErrorKind::Failed, message)
                    .with_hint("name a node of the cluster with `--ssh USER@HOST:PORT`"));
            }
        }
        judge(&Site::Guest(guest), &ended, errand.limit)
    }

    async fn asked(
        &self,
        site: &Site,
        probes: &[Probe],
    ) -> Result<Vec<Result<Evidence, BackendError>>, BackendError> {
        let lines: Vec<Result<String, BackendError>> =
            probes.iter().map(|probe| request::probe(probe, self.limits.probe, self.limits.output)).collect();
        let mut input: String = lines.iter().flatten().map(String::as_str).collect();
        input.push_str(".\n");
        let errand = Errand { script: ASK, input: input.as_bytes(), limit: self.limits.batch };
        let output = match self.run(site, errand).await? {
            Came::Answer(output) => output,
            Came::Absent => return Ok(probes.iter().map(|_| Ok(Evidence::Absent)).collect()),
            Came::Unreachable(reason) => {
                let evidence = Evidence::Unreachable { reason };
                return Ok(probes.iter().map(|_| Ok(evidence.clone())).collect());
            }
        };
        let mut said = answer::lines(&output).unwrap_or_default().into_iter();
        Ok(lines
            .into_iter()
            .zip(probes)
            .map(|(line, probe)| {
                line?;
                let said = said.next().filter(|said| *said != "end");
                said.map_or_else(|| Err(answer::garbled(site)), |said| answer::evidence(site, probe, said))
            })
            .collect())
    }

    pub(super) async fn done(
        &self,
        site: &Site,
        action: &Action,
        body: Option<&[u8]>,
        expected: &Expected,
    ) -> Result<(), BackendError> {
        let limit = self.limit_of(action);
        let input = request::action(action, body, expected, limit)?;
        let said = self.acted(site, &input, limit).await?;
        answer::done(site, &said, subject(action))
    }

    /// Has the shell at a site do something, and returns the line that it ends with.
    async fn acted(&self, site: &Site, input: &[u8], limit: Duration) -> Result<String, BackendError> {
        // What runs there is ended by the shell there, which then says so; the rest is for what hangs altogether.
        let errand = Errand { script: ACT, input, limit: limit + Duration::from_secs(30) };
        let output = loop {
            match self.run(site, errand).await? {
                Came::Answer(output) => break output,
                Came::Absent => {
                    return Err(BackendError::new(ErrorKind::NotFound, format!("`{site}` does not exist")));
                }
                // It was started a moment ago, by an earlier step of the same plan for instance.
                Came::Unreachable(reason) if self.is_booting(site).await => {
                    tracing::debug!(%site, reason, "is not up yet");
                    tokio::time::sleep(BOOTING).await;
                }
                Came::Unreachable(reason) => return Err(BackendError::new(ErrorKind::Unreachable, reason)),
            }
        };
        let lines = answer::lines(&output).unwrap_or_default();
        Ok(lines.last().copied().unwrap_or_default().to_owned())
    }

    /// Tells whether a site is a virtual machine that may still be starting.
    async fn is_booting(&self, site: &Site) -> bool {
        let Some(guest) = site.guest().filter(|guest| guest.kind == GuestKind::Vm) else { return false };
        let Ok(Some(node)) = self.node_of(guest).await else { return false };
        let Ok(path) = status_path(guest, &node) else { return false };
        let Ok(status) = self.client.get(&path, Vec::new()).await else { return false };
        let uptime = lenient::number(&status["uptime"]).unwrap_or(0);
        lenient::word(&status["status"]).as_deref() == Some("running") && uptime < self.limits.boot.as_secs()
    }

    fn limit_of(&self, action: &Action) -> Duration {
        match action {
            Action::InstallPackages { .. }
            | Action::InstallArtifact { .. }
            | Action::SetUnit { .. }
            | Action::Run { .. } => self.limits.work,
            _ => self.limits.quick,
        }
    }
}

#[async_trait]
impl GuestChannel for LiveChannel {
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        match self.asked(site, probes).await {
            Ok(answers) => answers,
            Err(error) => probes.iter().map(|_| Err(again(&error))).collect(),
        }
    }

    async fn act(&self, site: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError> {
        match action {
            Action::WriteFile { path, content: content @ Content::Block { .. }, .. } => {
                self.merge(site, action, path, content).await
            }
            Action::Await { condition, .. } => {
                let mut answers = self.ask(site, std::slice::from_ref(&condition.probe)).await;
                let evidence = answers.pop().unwrap_or_else(|| Err(answer::garbled(site)))?;
                match condition.holds(&evidence) {
                    true => Ok(()),
                    false => Err(BackendError::new(ErrorKind::Timeout, "what is awaited does not hold")),
                }
            }
            _ => {
                let body = request::body(action, secret);
                self.done(site, action, body.as_deref(), &Expected::Any).await
            }
        }
    }

    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        let input = request::answer(argv, stdin, self.limits.quick, answer::TEXT_LIMIT)?;
        let said = self.acted(site, &input, self.limits.quick).await?;
        answer::answered(site, &said, argv.first().map_or("", String::as_str))
    }

    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError> {
        self.write_raw_keys(guest, lines).await
    }

    async fn guard(&self, node: &str, what: &Guarded, guard: Guard) -> Result<(), BackendError> {
        self.write_guard(node, what, guard).await
    }
}

/// Returns what an errand said, or why it said nothing.
pub(super) fn judge(site: &Site, ended: &Ended, limit: Duration) -> Result<Came, BackendError> {
    let late = || {
        let message = format!("work in `{site}` did not end within {} s and was ended", limit.as_secs());
        BackendError::new(ErrorKind::Timeout, message)
            .with_hint(format!("look into `{site}` and see what it waits for, then run the command again"))
    };
    let is_late = matches!(ended.status, 124 | 137);
    match answer::lines(&ended.output) {
        Some(lines) => match lines.last() {
            Some(last) if answer::lacking(site, last).is_some() => {
                Err(answer::lacking(site, last).unwrap_or_else(|| answer::garbled(site)))
            }
            Some(_) if ended.status == 0 => Ok(Came::Answer(ended.output.clone())),
            Some(_) | None if is_late => Err(late()),
            Some(_) | None => Err(with_log(answer::garbled(site), &ended.errors)),
        },
        None if is_late => Err(late()),
        None if matches!(ended.status, 126 | 127) || ended.errors.contains("/bin/sh") => {
            let message = format!("there is no shell in `{site}` that could be asked");
            let error = BackendError::new(ErrorKind::Failed, message)
                .with_hint("features and health checks need `/bin/sh`; take them out of this guest");
            Err(with_log(error, &ended.errors))
        }
        None => {
            let message = format!("`{site}` cannot be entered: it ended with status {}", ended.status);
            let error = BackendError::new(ErrorKind::Failed, message)
                .with_hint(format!("try by hand what Phoenix tried: {}", by_hand(site)));
            Err(with_log(error, &ended.errors))
        }
    }
}

fn by_hand(site: &Site) -> String {
    match site {
        Site::Guest(guest) => match guest.kind {
            GuestKind::Lxc => format!("`pct exec {} -- /bin/sh -c id` on its node", guest.vmid),
            GuestKind::Vm => format!("`qm guest exec {} -- /bin/sh -c id` on its node", guest.vmid),
        },
        Site::Host(name) => format!("`/bin/sh -c id` on `{name}`"),
    }
}

fn with_log(mut error: BackendError, said: &str) -> BackendError {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    error.log = lines[lines.len().saturating_sub(5)..].iter().map(|line| (*line).to_owned()).collect();
    error
}

/// Returns what an action is about, for a sentence.
fn subject(action: &Action) -> &str {
    match action {
        Action::Run { argv, .. } => argv.first().map_or("", String::as_str),
        Action::InstallPackages { .. } => "apt-get",
        Action::SetUnit { .. } => "systemctl",
        Action::EnsureUser { name, .. } => name,
        Action::WriteFile { path, .. } | Action::InstallArtifact { path, .. } => path,
        _ => "the action",
    }
}

/// Returns an error once more: every probe of a batch gets it.
fn again(error: &BackendError) -> BackendError {
    let mut copy = BackendError::new(error.kind, error.message.clone());
    copy.hint.clone_from(&error.hint);
    copy.log.clone_from(&error.log);
    copy
}
