//! Machines that begin in the middle of a life. An emulated processor takes a minute and more to start a system; so one
//! is started for all machines of one shape that are cloned from the same disk, and is kept as it was when its services
//! were up. Each new clone begins there: it gets its own card, its other disks and its own identity, and is up in seconds.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::{
    agent::{run_script, wait_for},
    arguments::{Accelerator, Parts, node_of, tap},
    disks::{Origin, img},
    life::Machines,
    monitor::order,
    spec::MachineSpec,
};
use crate::{
    Sandbox, SandboxError,
    trees::{make, names, remove, text},
};

const BEGUN: &str = include_str!("begun.sh");
/// Says when all services are up, well or not.
const SETTLED: &str = "for tried in $(seq 240); do
    case $(systemctl is-system-running 2>/dev/null) in running|degraded) break ;; esac
    sleep 0.5
done
sync";
const BRIDGE: &str = r#"ip link set "$1" master "$2" up"#;
/// How long a system may take to start.
const START: Duration = Duration::from_secs(600);
/// How long one that is there may take for its first steps.
const STEPS: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);

/// A life to begin in.
#[derive(Clone, Debug)]
pub(super) struct Life {
    disk: PathBuf,
    memory: PathBuf,
}

impl Machines {
    /// Returns the life that a machine may begin in, which is made if it is not there; nothing if it has had a start of
    /// its own, or needs none of this.
    pub(super) async fn life_for(
        &self,
        sandbox: &Sandbox,
        spec: &MachineSpec,
        kernel: Option<&(PathBuf, PathBuf)>,
    ) -> Result<Option<Life>, SandboxError> {
        let Some(drive) = spec.drives.first() else { return Ok(None) };
        let note = self.disks().note(&drive.id)?;
        let (Some(origin), Some(kernel), false) = (note.origin, kernel, note.is_used) else {
            return Ok(None);
        };
        if Accelerator::of_this_machine() == Accelerator::Kvm
            || !self.disks().exists(&origin.id)
            || self.disks().origin(&origin.id)? != origin
        {
            return Ok(None);
        }
        let place = self.lives().join(name_of(&origin, spec));
        let life = Life { disk: place.join("disk.qcow2"), memory: place.join("memory.zst") };
        // Of many that start at once, the first makes it for all.
        let _held = self.making().lock().await;
        if !place.is_dir() {
            self.live_once(sandbox, spec, &origin.id, kernel, &place).await?;
        }
        Ok(Some(life))
    }

    /// Starts a machine without a card upon a disk, waits until it is up, and keeps it as it is then.
    async fn live_once(
        &self,
        sandbox: &Sandbox,
        spec: &MachineSpec,
        below: &str,
        kernel: &(PathBuf, PathBuf),
        place: &Path,
    ) -> Result<(), SandboxError> {
        let own = "begin".to_owned();
        let run = self.run_place(&own);
        let mut half = place.as_os_str().to_owned();
        half.push(".half");
        let half = PathBuf::from(half);
        self.end(sandbox, &own).await?;
        for dir in [&run, &half] {
            remove(dir).await?;
            make(dir)?;
        }
        let disk = half.join("disk.qcow2");
        let parent = self.disks().known(below)?;
        let words = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &text(&parent)?, &text(&disk)?];
        img(&words.map(str::to_owned)).await?;
        let alone =
            MachineSpec { cards: Vec::new(), seed: None, drives: spec.drives[..1].to_vec(), ..spec.clone() };
        let parts = Parts {
            own: own.clone(),
            is_ahead: true,
            accelerator: Accelerator::Tcg,
            disks: vec![disk],
            seed: None,
            kernel: Some(kernel.clone()),
            memory: None,
        };
        let lived = async {
            self.launch(sandbox, &alone, &parts).await?;
            let said = |error: super::AgentError| SandboxError::Wrong(error.to_string());
            wait_for(&run, START).await.map_err(said)?;
            run_script(&run, SETTLED, b"", STEPS).await.map_err(said)?;
            order(&run, &own, "stop", json!({})).await?;
            let to = half.join("memory.zst");
            let uri = format!("exec:zstd -q -1 -f -o {}", to.display());
            order(&run, &own, "migrate", json!({ "uri": uri })).await?;
            moved(&run, &own).await
        };
        let lived = lived.await;
        self.end(sandbox, &own).await?;
        remove(&run).await?;
        match lived {
            Ok(()) => fs::rename(&half, place).map_err(SandboxError::file("rename", &half)),
            Err(error) => {
                remove(&half).await?;
                Err(error)
            }
        }
    }

    /// Starts a machine in a life, and makes it its own.
    pub(super) async fn begin_in(
        &self,
        sandbox: &Sandbox,
        life: Life,
        spec: &MachineSpec,
        parts: Parts,
    ) -> Result<(), SandboxError> {
        let Some(drive) = spec.drives.first() else { return Ok(()) };
        self.disks().go_on_from(&drive.id, &life.disk).await?;
        let alone =
            MachineSpec { cards: Vec::new(), seed: None, drives: spec.drives[..1].to_vec(), ..spec.clone() };
        let own = parts.own.clone();
        let run = self.run_place(&own);
        let whole =
            Parts { disks: parts.disks[..1].to_vec(), seed: None, memory: Some(life.memory), ..parts };
        self.launch(sandbox, &alone, &whole).await?;
        let told =
            async |command: &str, arguments: Value| order(&run, &own, command, arguments).await.map(drop);
        moved(&run, &own).await?;
        for (drive, path) in spec.drives.iter().zip(&parts.disks).skip(1) {
            let node = node_of(drive);
            let file = json!({ "driver": "file", "filename": path });
            told(
                "blockdev-add",
                json!({ "driver": "qcow2", "node-name": node, "discard": "unmap", "file": file }),
            )
            .await?;
            told("device_add", plugged(&super::arguments::device(drive), &node)).await?;
        }
        if let Some(seed) = &parts.seed {
            let files = json!({ "driver": "vvfat", "node-name": "seed-files", "read-only": true, "label": "CIDATA", "dir": seed });
            told("blockdev-add", files).await?;
            told(
                "blockdev-add",
                json!({ "driver": "raw", "node-name": "seed", "read-only": true, "file": "seed-files" }),
            )
            .await?;
            told("device_add", plugged("scsi-hd,bus=scsihw0.0,channel=0,scsi-id=15,lun=0", "seed")).await?;
        }
        for card in &spec.cards {
            let mut device = json!({ "driver": "virtio-net-pci", "id": format!("card{}", card.index) });
            if let Some(mac) = &card.mac {
                device["mac"] = mac.clone().into();
            }
            if let Some(bridge) = &card.bridge {
                let (net, tap) = (format!("net{}", card.index), tap(spec.vmid, card.index));
                let arguments =
                    json!({ "type": "tap", "id": net, "ifname": tap, "script": "no", "downscript": "no" });
                told("netdev_add", arguments).await?;
                sandbox.run(&["/bin/sh", "-c", BRIDGE, "sh", &tap, bridge], b"", STEPS).await?;
                device["netdev"] = net.into();
            }
            told("device_add", device).await?;
        }
        told("cont", json!({})).await?;
        let mut random = [0; 512];
        let path = Path::new("/dev/urandom");
        std::io::Read::read_exact(
            &mut fs::File::open(path).map_err(SandboxError::file("read", path))?,
            &mut random,
        )
        .map_err(SandboxError::file("read", path))?;
        let said = |error: super::AgentError| {
            SandboxError::Wrong(format!(
                "the machine {} runs, but has not become its own: {error}",
                spec.vmid
            ))
        };
        wait_for(&run, STEPS).await.map_err(said)?;
        // Its clock stands where the other's stood; the agent sets it by the processor's.
        if let Err(error) = super::agent::ask(&run, "set-time", json!({ "time": now() })).await {
            tracing::debug!(%error, "the clock of a machine was not set");
        }
        match run_script(&run, BEGUN, &random, STEPS).await.map_err(said)? {
            0 => Ok(()),
            status => Err(SandboxError::Wrong(format!(
                "the machine {} runs, but cloud-init in it failed with status {status}",
                spec.vmid
            ))),
        }
    }

    /// Forgets the lives that were made upon disks.
    pub(super) async fn forget_lives(&self, disks: &[String]) -> Result<(), SandboxError> {
        for name in names(&self.lives())? {
            if disks.iter().any(|id| name.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('.')))
            {
                remove(&self.lives().join(name)).await?;
            }
        }
        Ok(())
    }
}

/// Returns what `device_add` takes for a device in the words of the command line.
fn plugged(words: &str, node: &str) -> Value {
    let mut parts = words.split(',');
    let mut device = json!({ "driver": parts.next().unwrap_or_default(), "drive": node });
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        device[key] = value.parse::<u32>().map_or_else(|_| value.into(), Value::from);
    }
    device
}

/// Waits until a machine has left, or has come in.
async fn moved(run: &Path, own: &str) -> Result<(), SandboxError> {
    let until = Instant::now() + STEPS;
    while Instant::now() < until {
        let state = order(run, own, "query-migrate", json!({})).await?;
        match state["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                let why = state["error-desc"].as_str().unwrap_or("QEMU does not say why");
                return Err(SandboxError::Wrong(format!("the memory of a machine was not moved: {why}")));
            }
            Some(_) | None => sleep(PAUSE).await,
        }
    }
    Err(SandboxError::Wrong("the memory of a machine was not moved in time".to_owned()))
}

/// Returns what a life is called: by the disk, as it is now, and the shape of the machine.
fn name_of(origin: &Origin, spec: &MachineSpec) -> String {
    let slot = spec.drives.first().map(|drive| drive.slot.as_str()).unwrap_or_default();
    let shape = format!("{} | {} {} {slot}", origin.print, spec.memory >> 20, spec.cores);
    let hash: String = Sha256::digest(shape).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{hash}", origin.id)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}
