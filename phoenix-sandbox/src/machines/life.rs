//! The life of virtual machines: made, started, told what to do, ended. Nothing here remembers what runs: that is asked of
//! the machine each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    arguments::{Accelerator, Parts, node_of, tap, words},
    disks::DiskFiles,
    image::base,
    lacking_for_machines,
    spec::{Drive, MachineSpec, Seed},
    wire::{Silence, Wire, within},
};
use crate::{
    Containers, Sandbox, SandboxError,
    trees::{make, remove},
};

const START: &str = include_str!("start.sh");
const KILL: &str = r#"[ ! -e "/m/$1/pid" ] || kill -9 "$(cat "/m/$1/pid")""#;
/// How long QEMU may take to begin, and for an order.
const QUICK: Duration = Duration::from_secs(60);
/// How often one that shall shut down is told so: while it begins it does not listen.
const AGAIN: Duration = Duration::from_secs(5);
/// How many seconds one has to shut down when the sandbox ends.
const PATIENCE: u64 = 30;
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
}

impl Machines {
    /// Returns the machines of the sandbox that these containers are in.
    pub fn new(containers: Containers) -> Self {
        let dir = containers.dir().join("machines");
        Self { disks: DiskFiles::new(dir.join("disks")), dir, containers, turns: Mutex::default() }
    }

    /// Returns which run now; none if the sandbox does not.
    pub fn running(&self) -> Result<BTreeSet<u32>, SandboxError> {
        running(self.containers.dir())
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
        let parts = Parts {
            accelerator: Accelerator::of_this_machine(),
            disks: spec.drives.iter().map(|drive| self.disks.path(&drive.id)).collect(),
            seed,
            kernel,
            memory: None,
        };
        self.launch(&sandbox, spec, &parts).await
    }

    async fn launch(&self, sandbox: &Sandbox, spec: &MachineSpec, parts: &Parts) -> Result<(), SandboxError> {
        let vmid = spec.vmid.to_string();
        let dir = self.containers.dir().display().to_string();
        let mut all: Vec<String> = ["/bin/sh", "-c", START, "sh", &dir, &vmid].map(str::to_owned).to_vec();
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
        let Some(seconds) = patience else { return self.end(&sandbox, vmid).await };
        shut_down(sandbox.dir(), vmid, seconds).await
    }

    async fn end(&self, sandbox: &Sandbox, vmid: u32) -> Result<(), SandboxError> {
        for tried in 0..100 {
            if !self.running()?.contains(&vmid) {
                return Ok(());
            }
            match tried {
                0 => drop(self.order(vmid, "quit", json!({})).await),
                50 => {
                    let words = ["/bin/sh", "-c", KILL, "sh", &vmid.to_string()];
                    sandbox.run(&words, b"", QUICK).await?;
                }
                _ => {}
            }
            sleep(LOOK).await;
        }
        Err(SandboxError::Wrong(format!("the machine {vmid} did not end")))
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
        self.disks.remove(disks).await
    }

    /// Removes disks. Fails if another stands on one of them.
    pub async fn remove_disks(&self, disks: &[String]) -> Result<(), SandboxError> {
        self.disks.remove(disks).await
    }

    pub(super) fn place(&self, vmid: u32) -> PathBuf {
        place(self.containers.dir(), vmid)
    }

    pub(super) fn turn(&self, vmid: u32) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(vmid).or_default())
    }

    async fn order(&self, vmid: u32, command: &str, arguments: Value) -> Result<Value, SandboxError> {
        order(self.containers.dir(), vmid, command, arguments).await
    }
}

/// Asks all machines of a sandbox to shut down, and waits a while until they have.
pub(crate) async fn shut_down_all(dir: &Path) -> Result<(), SandboxError> {
    for ended in join_all(running(dir)?.into_iter().map(|vmid| shut_down(dir, vmid, PATIENCE))).await {
        if let Err(error) = ended {
            tracing::debug!(%error, "a machine did not stop by itself");
        }
    }
    Ok(())
}

fn running(dir: &Path) -> Result<BTreeSet<u32>, SandboxError> {
    let Some(sandbox) = Sandbox::find(dir)? else { return Ok(BTreeSet::new()) };
    let path = PathBuf::from(format!("/proc/{}/net/unix", sandbox.status().pid));
    // Where it cannot be read, the sandbox ended while it was looked at.
    let text = fs::read_to_string(&path).unwrap_or_default();
    // QEMU listens for orders at a path that bears the machine's number.
    let numbers = text.lines().filter_map(|line| {
        line.split_whitespace().nth(7)?.strip_prefix("/m/")?.strip_suffix("/qmp")?.parse().ok()
    });
    Ok(numbers.collect())
}

fn place(dir: &Path, vmid: u32) -> PathBuf {
    dir.join("machines/run").join(vmid.to_string())
}

async fn shut_down(dir: &Path, vmid: u32, seconds: u64) -> Result<(), SandboxError> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut told: Option<Instant> = None;
    while running(dir)?.contains(&vmid) {
        if told.is_none_or(|told| told.elapsed() > AGAIN) {
            // One that has just ended hears nothing; the next look tells.
            let _ = order(dir, vmid, "system_powerdown", json!({})).await;
            told = Some(Instant::now());
        }
        if Instant::now() > until {
            return Err(SandboxError::Wrong("VM quit/powerdown failed - got timeout".to_owned()));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn order(dir: &Path, vmid: u32, command: &str, arguments: Value) -> Result<Value, SandboxError> {
    let result = async {
        let mut wire = Wire::to_monitor(&place(dir, vmid), QUICK).await?;
        within(QUICK, wire.ask(command, arguments)).await
    };
    result.await.map_err(|silence| {
        SandboxError::Wrong(match silence {
            Silence::Nobody => {
                format!("VM {vmid} qmp command '{command}' failed - unable to connect to VM {vmid}")
            }
            Silence::Refused(text) => format!("VM {vmid} qmp command '{command}' failed - {text}"),
        })
    })
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
