//! The life of virtual machines: made, started, told what to do, ended. Nothing here remembers what runs: that is asked of
//! the machine each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    arguments::{Accelerator, Parts, node_of, tap, words},
    disks::DiskFiles,
    image::base,
    lacking_for_machines,
    monitor::{self, order},
    spec::{Drive, MachineSpec, Seed},
};
use crate::{
    Containers, Sandbox, SandboxError,
    trees::{make, remove},
};

const START: &str = include_str!("start.sh");
const KILL: &str = r#"[ ! -e "/m/$1/pid" ] || kill -9 "$(cat "/m/$1/pid")""#;
/// How long QEMU may take to begin, and for an order.
const QUICK: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What a machine that runs is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// Begin anew, at once.
    Reset,
}

/// The virtual machines of a sandbox.
#[derive(Debug)]
pub struct Machines {
    containers: Containers,
    dir: PathBuf,
    disks: DiskFiles,
    /// Whose turn it is to talk with each agent.
    turns: Mutex<BTreeMap<u32, Arc<tokio::sync::Mutex<()>>>>,
    making: tokio::sync::Mutex<()>,
}

impl Machines {
    /// Returns the machines of the sandbox that these containers are in.
    pub fn new(containers: Containers) -> Self {
        let dir = containers.dir().join("machines");
        Self {
            disks: DiskFiles::new(dir.join("disks")),
            dir,
            containers,
            turns: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// Returns which run now; none if the sandbox does not.
    pub fn running(&self) -> Result<BTreeSet<u32>, SandboxError> {
        Ok(monitor::running(self.containers.dir())?.iter().filter_map(|own| own.parse().ok()).collect())
    }

    /// Makes a disk: from an image, or empty. One that is there is left as it is.
    pub async fn create_disk(
        &self,
        id: &str,
        size: u64,
        image: Option<&str>,
        progress: impl Fn(String) + Sync,
    ) -> Result<(), SandboxError> {
        check_programs()?;
        let Some(name) = image else { return self.disks.create(id, size).await };
        if self.disks.exists(id) {
            return Ok(());
        }
        let base = base(self.containers.images(), &self.dir.join("images"), name, progress).await?;
        self.disks.create_on(id, &base, size).await
    }

    /// Makes a disk that stands on another, which nobody may write to any more.
    pub async fn link_disk(&self, from: &str, to: &str) -> Result<(), SandboxError> {
        check_programs()?;
        self.disks.link(from, to).await
    }

    /// Copies a disk, as it is or as it was at a snapshot.
    pub async fn copy_disk(&self, from: &str, to: &str, snapshot: Option<&str>) -> Result<(), SandboxError> {
        check_programs()?;
        self.disks.copy(from, to, snapshot).await
    }

    /// Lets a disk be so large.
    pub async fn resize_disk(&self, vmid: u32, drive: &Drive) -> Result<(), SandboxError> {
        if !self.disks.exists(&drive.id) {
            return Ok(());
        }
        match self.running()?.contains(&vmid) {
            true => {
                let arguments = json!({ "node-name": node_of(drive), "size": drive.size });
                self.order(vmid, "block_resize", arguments).await.map(drop)
            }
            false => self.disks.grow(&drive.id, drive.size).await,
        }
    }

    /// Takes a snapshot of a disk.
    pub async fn snapshot(&self, vmid: u32, drive: &Drive, name: &str) -> Result<(), SandboxError> {
        if self.disks.has_snapshot(&drive.id, name).await? {
            return Ok(());
        }
        match self.running()?.contains(&vmid) {
            true => {
                let arguments = json!({ "device": node_of(drive), "name": name });
                self.order(vmid, "blockdev-snapshot-internal-sync", arguments).await.map(drop)
            }
            false => self.disks.snapshot(&drive.id, "-c", name).await,
        }
    }

    /// Forgets a snapshot of a disk.
    pub async fn delete_snapshot(&self, vmid: u32, drive: &Drive, name: &str) -> Result<(), SandboxError> {
        if !self.disks.has_snapshot(&drive.id, name).await? {
            return Ok(());
        }
        match self.running()?.contains(&vmid) {
            true => {
                let arguments = json!({ "device": node_of(drive), "name": name });
                self.order(vmid, "blockdev-snapshot-delete-internal-sync", arguments).await.map(drop)
            }
            false => self.disks.snapshot(&drive.id, "-d", name).await,
        }
    }

    /// Returns to a snapshot of a disk of a machine that does not run.
    pub async fn rollback(&self, drive: &Drive, name: &str) -> Result<(), SandboxError> {
        self.disks.snapshot(&drive.id, "-a", name).await
    }

    /// Starts a machine; returns when QEMU runs it, long before its services are up.
    pub async fn start(&self, spec: &MachineSpec) -> Result<(), SandboxError> {
        check_programs()?;
        let sandbox = self.containers.sandbox().await?;
        if self.running()?.contains(&spec.vmid) {
            return Ok(());
        }
        for drive in &spec.drives {
            self.disks.create(&drive.id, drive.size).await?;
        }
        let place = self.place(spec.vmid);
        make(&place)?;
        let seed = match &spec.seed {
            Some(seed) => Some(write_seed(seed, &place.join("seed")).await?),
            None => None,
        };
        let kernel = match spec.drives.first() {
            Some(drive) => self.disks.note(&drive.id)?.kernel,
            None => None,
        };
        let life = self.life_for(&sandbox, spec, kernel.as_ref()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no machine could be started ahead: this one starts by itself");
            None
        });
        for drive in &spec.drives {
            self.disks.use_up(&drive.id)?;
        }
        let parts = Parts {
            own: spec.vmid.to_string(),
            is_ahead: false,
            accelerator: Accelerator::of_this_machine(),
            disks: spec.drives.iter().map(|drive| self.disks.path(&drive.id)).collect(),
            seed,
            kernel,
            memory: None,
        };
        match life {
            Some(life) => self.begin_in(&sandbox, life, spec, parts).await,
            None => self.launch(&sandbox, spec, &parts).await,
        }
    }

    pub(super) async fn launch(
        &self,
        sandbox: &Sandbox,
        spec: &MachineSpec,
        parts: &Parts,
    ) -> Result<(), SandboxError> {
        let dir = self.containers.dir().display().to_string();
        let mut all: Vec<String> =
            ["/bin/sh", "-c", START, "sh", &dir, &parts.own].map(str::to_owned).to_vec();
        all.extend(
            spec.cards
                .iter()
                .filter_map(|card| Some(format!("{}={}", tap(spec.vmid, card.index), card.bridge.as_ref()?))),
        );
        all.extend(["--", "qemu-system-x86_64"].map(str::to_owned));
        all.extend(words(spec, parts));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        sandbox.run(&all, b"", QUICK).await.map(drop).map_err(|error| match error {
            SandboxError::Command { said, .. } => SandboxError::Wrong(format!(
                "start failed: QEMU exited: {}",
                said.lines().last().unwrap_or_default()
            )),
            other => other,
        })
    }

    /// Stops a machine: within so many seconds if it does so by itself, or at once.
    pub async fn stop(&self, vmid: u32, patience: Option<u64>) -> Result<(), SandboxError> {
        let Some(sandbox) = Sandbox::find(self.containers.dir())? else { return Ok(()) };
        let own = vmid.to_string();
        match patience {
            Some(seconds) => monitor::shut_down(sandbox.dir(), &own, seconds).await,
            None => self.end(&sandbox, &own).await,
        }
    }

    /// Ends a machine at once.
    pub(super) async fn end(&self, sandbox: &Sandbox, own: &str) -> Result<(), SandboxError> {
        for tried in 0..100 {
            if !monitor::running(sandbox.dir())?.contains(own) {
                return Ok(());
            }
            match tried {
                0 => drop(order(&self.run_place(own), own, "quit", json!({})).await),
                50 => {
                    let words = ["/bin/sh", "-c", KILL, "sh", own];
                    sandbox.run(&words, b"", QUICK).await?;
                }
                _ => {}
            }
            sleep(LOOK).await;
        }
        Err(SandboxError::Wrong(format!("the machine {own} did not end")))
    }

    /// Tells a machine that runs what to do.
    pub async fn tell(&self, vmid: u32, order: Order) -> Result<(), SandboxError> {
        let command = match order {
            Order::Pause => "stop",
            Order::Resume => "cont",
            Order::Reset => "system_reset",
        };
        self.order(vmid, command, json!({})).await.map(drop)
    }

    /// Removes a machine with these disks; ends it if it runs.
    pub async fn destroy(&self, vmid: u32, disks: &[String]) -> Result<(), SandboxError> {
        self.stop(vmid, None).await?;
        remove(&self.place(vmid)).await?;
        self.remove_disks(disks).await
    }

    /// Removes disks. Fails if another stands on one of them.
    pub async fn remove_disks(&self, disks: &[String]) -> Result<(), SandboxError> {
        self.disks.remove(disks).await?;
        self.forget_lives(disks).await
    }

    pub(super) fn place(&self, vmid: u32) -> PathBuf {
        self.run_place(&vmid.to_string())
    }

    /// Returns where a machine of this name has its sockets.
    pub(super) fn run_place(&self, own: &str) -> PathBuf {
        monitor::place(self.containers.dir(), own)
    }

    /// Returns where lives are kept that machines begin in.
    pub(super) fn lives(&self) -> PathBuf {
        self.dir.join("lives")
    }

    pub(super) fn disks(&self) -> &DiskFiles {
        &self.disks
    }

    /// Returns what is held while such a life is made.
    pub(super) fn making(&self) -> &tokio::sync::Mutex<()> {
        &self.making
    }

    pub(super) fn turn(&self, vmid: u32) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(vmid).or_default())
    }

    async fn order(&self, vmid: u32, command: &str, arguments: Value) -> Result<Value, SandboxError> {
        order(&self.place(vmid), &vmid.to_string(), command, arguments).await
    }
}

fn check_programs() -> Result<(), SandboxError> {
    match lacking_for_machines().into_iter().next() {
        Some(SandboxError::Missing { program, package }) => Err(SandboxError::Wrong(format!(
            "virtual machines need `{program}`: `apt-get install {package}` brings it, or run them as containers with \
             `--vm-as-container`"
        ))),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

async fn write_seed(seed: &Seed, dir: &Path) -> Result<PathBuf, SandboxError> {
    remove(dir).await?;
    make(dir)?;
    for (name, text) in &seed.files {
        let path = dir.join(name);
        fs::write(&path, text).map_err(SandboxError::file("write", &path))?;
    }
    Ok(dir.to_owned())
}
