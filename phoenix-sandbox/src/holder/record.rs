//! What a command leaves for the next one: who holds the sandbox, since when, and what stands outside it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{cgroups::Groups, process::Process};
use crate::error::SandboxError;

/// How long another command may be at it.
const WAIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// A sandbox that runs, begins, or has been killed and left this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The boot of the machine that the rest is of.
    pub(super) boot: String,
    /// Its first process.
    pub(super) holder: Process,
    /// Whether it got as far as its last step.
    pub(super) is_ready: bool,
    /// How the host calls itself.
    pub(super) hostname: String,
    /// When it began, in seconds since 1970.
    pub(super) since: u64,
    /// The directories of cgroups that were made for it, with all that is below.
    pub(super) groups: Vec<PathBuf>,
    /// Those of them that the holder is in.
    pub(super) joined: Vec<PathBuf>,
    /// The program that brings traffic out, if one runs.
    pub(super) uplink: Option<Process>,
}

impl Record {
    /// Returns a record of a process that begins now.
    pub(super) fn new(holder: Process, hostname: &str, groups: Groups) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            boot: boot(),
            holder,
            is_ready: false,
            hostname: hostname.to_owned(),
            since,
            groups: groups.own,
            joined: groups.joined,
            uplink: None,
        }
    }

    /// Reads the record of a directory.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, SandboxError> {
        let path = file(dir);
        match fs::read(&path) {
            // One that cannot be read is older than this program or from a disk that was full: as good as none.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SandboxError::file("read", &path)(error)),
        }
    }

    /// Says whether its holder still runs.
    pub(super) fn is_alive(&self) -> bool {
        self.is_of_this_boot() && self.holder.is_alive()
    }

    /// Says whether the machine has not begun anew since: what it says of processes and groups is then of these.
    pub(super) fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }

    /// Writes the record of a directory: a reader sees this one or the one before.
    pub(super) fn write(&self, dir: &Path) -> Result<(), SandboxError> {
        let path = file(dir);
        let text = serde_json::to_vec_pretty(self).expect("plain data always serializes");
        let next = path.with_extension("next");
        fs::write(&next, text).map_err(SandboxError::file("write", &next))?;
        fs::rename(&next, &path).map_err(SandboxError::file("write", &path))
    }

    /// Removes the record of a directory.
    pub(super) fn remove(dir: &Path) -> Result<(), SandboxError> {
        let path = file(dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SandboxError::file("remove", &path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Returns the directory of the sandbox's own files below a node's directory.
pub(super) fn place(dir: &Path) -> PathBuf {
    dir.join("sandbox")
}

/// Returns the name of a sandbox on this machine.
pub(super) fn name(dir: &Path) -> String {
    let sum = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let short: String = sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("phoenix-{short}")
}

/// Returns the mark of the holder in its environment.
pub(super) fn mark(dir: &Path) -> String {
    format!("PHOENIX_SANDBOX={}", dir.display())
}

/// Takes the lock of an open file, as soon as no other command has it. It is given back when the file closes.
pub(super) async fn lock(file: File, path: &Path) -> Result<File, SandboxError> {
    let whole = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(error)) => return Err(SandboxError::file("lock", path)(error)),
            }
        }
    };
    tokio::time::timeout(WAIT, whole).await.map_err(|_| {
        SandboxError::Wrong(format!(
            "another command has held `{}` for {} s: let it end, or end it, then run this again",
            path.display(),
            WAIT.as_secs()
        ))
    })??;
    Ok(file)
}

/// Takes the lock of a node's directory.
pub(super) async fn lock_of(dir: &Path) -> Result<File, SandboxError> {
    let path = place(dir).join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SandboxError::file("write", &path))?;
    lock(file, &path).await
}

fn file(dir: &Path) -> PathBuf {
    place(dir).join("holder.json")
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
