//! Machines from outside: which run, what they are told, and how they are asked to end. Each has a directory of its own
//! name: its number, or what it is for.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::wire::{Silence, Wire, within};
use crate::{Sandbox, SandboxError};

/// How long an order may take.
const QUICK: Duration = Duration::from_secs(60);
/// How often one that shall shut down is told so: while it begins it does not listen.
const AGAIN: Duration = Duration::from_secs(5);
/// How many seconds one has to shut down when the sandbox ends.
const PATIENCE: u64 = 30;
const LOOK: Duration = Duration::from_millis(100);

/// Asks all machines of a sandbox to shut down, and waits a while until they have.
pub(crate) async fn shut_down_all(dir: &Path) -> Result<(), SandboxError> {
    let all = running(dir)?;
    for ended in join_all(all.iter().map(|own| shut_down(dir, own, PATIENCE))).await {
        if let Err(error) = ended {
            tracing::debug!(%error, "a machine did not stop by itself");
        }
    }
    Ok(())
}

/// Returns the names of those that run; none if the sandbox does not.
pub(super) fn running(dir: &Path) -> Result<BTreeSet<String>, SandboxError> {
    let Some(sandbox) = Sandbox::find(dir)? else { return Ok(BTreeSet::new()) };
    let path = PathBuf::from(format!("/proc/{}/net/unix", sandbox.status().pid));
    // Where it cannot be read, the sandbox ended while it was looked at.
    let text = fs::read_to_string(&path).unwrap_or_default();
    // QEMU listens for orders at a path that bears the machine's name.
    let names = text.lines().filter_map(|line| {
        line.split_whitespace().nth(7)?.strip_prefix("/m/")?.strip_suffix("/qmp").map(str::to_owned)
    });
    Ok(names.collect())
}

/// Returns where a machine has its sockets.
pub(super) fn place(dir: &Path, own: &str) -> PathBuf {
    dir.join("machines/run").join(own)
}

/// Asks a machine to shut down, for so many seconds.
pub(super) async fn shut_down(dir: &Path, own: &str, seconds: u64) -> Result<(), SandboxError> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut told: Option<Instant> = None;
    while running(dir)?.contains(own) {
        if told.is_none_or(|told| told.elapsed() > AGAIN) {
            // One that has just ended hears nothing; the next look tells.
            let _ = order(&place(dir, own), own, "system_powerdown", json!({})).await;
            told = Some(Instant::now());
        }
        if Instant::now() > until {
            return Err(SandboxError::Wrong("VM quit/powerdown failed - got timeout".to_owned()));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Gives QEMU an order, by the directory with its sockets.
pub(super) async fn order(
    place: &Path,
    own: &str,
    command: &str,
    arguments: Value,
) -> Result<Value, SandboxError> {
    let result = async {
        let mut wire = Wire::to_monitor(place, QUICK).await?;
        within(QUICK, wire.ask(command, arguments)).await
    };
    result.await.map_err(|silence| {
        SandboxError::Wrong(match silence {
            Silence::Nobody => {
                format!("VM {own} qmp command '{command}' failed - unable to connect to VM {own}")
            }
            Silence::Refused(text) => format!("VM {own} qmp command '{command}' failed - {text}"),
        })
    })
}
