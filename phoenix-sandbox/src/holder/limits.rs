//! Limits of the whole machine that many containers run into. They are raised as long as any sandbox runs, and put back
//! by the last that stops. The register in `/run` says which run: it is gone after a boot, as the limits are.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::record::{self, Record};
use crate::error::SandboxError;

/// Where all sandboxes of the machine are written down.
const PLACE: &str = "/run/phoenix-sandbox";

/// A limit below `/proc/sys`, and what 50 containers need. With 128 instances of inotify, 16 of 50 came up.
const WANTED: [(&str, u64); 1] = [("fs/inotify/max_user_instances", 8192)];

/// What the machine's sandboxes have changed together.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Register {
    /// The directories of those that run.
    running: Vec<PathBuf>,
    /// The limits as they were, by name.
    before: BTreeMap<String, u64>,
}

/// Writes a sandbox down, and raises the limits.
pub(super) async fn raise(dir: &Path) -> Result<(), SandboxError> {
    let _lock = lock().await?;
    let mut register = read();
    if !register.running.iter().any(|other| other == dir) {
        register.running.push(dir.to_owned());
    }
    for (name, wanted) in WANTED {
        // A kernel without this limit needs it raised as little as one where it is high already.
        if let Some(now) = limit(name)
            && now < wanted
        {
            register.before.entry(name.to_owned()).or_insert(now);
        }
    }
    // The old value is on the disk before the new one is in the kernel: a kill in between forgets nothing.
    write(&register)?;
    for (name, wanted) in WANTED {
        if limit(name).is_some_and(|now| now < wanted) {
            set(name, wanted)?;
        }
    }
    Ok(())
}

/// Strikes a sandbox out; after the last, limits that are still ours become what they were.
pub(super) async fn restore(dir: &Path) -> Result<(), SandboxError> {
    if !Path::new(PLACE).exists() {
        return Ok(());
    }
    let lock = lock().await?;
    let mut register = read();
    // One that was killed counts no more.
    register.running.retain(|other| {
        other != dir && Record::read(other).is_ok_and(|record| record.is_some_and(|record| record.is_alive()))
    });
    if !register.running.is_empty() {
        return write(&register);
    }
    for (name, wanted) in WANTED {
        if let Some(before) = register.before.get(name)
            && limit(name) == Some(wanted)
        {
            set(name, *before)?;
        }
    }
    let _ = fs::remove_file(file());
    let _ = fs::remove_dir(PLACE);
    drop(lock);
    Ok(())
}

/// Takes the lock of the register: its directory, so that no file for it is left. Who waited for one that was removed in
/// the meantime takes the one that came after.
async fn lock() -> Result<File, SandboxError> {
    let place = Path::new(PLACE);
    loop {
        fs::create_dir_all(place).map_err(SandboxError::file("make", place))?;
        let Ok(opened) = File::open(place) else { continue };
        let held = record::lock(opened, place).await?;
        let inode = |data: std::io::Result<fs::Metadata>| data.ok().map(|data| data.ino());
        if inode(held.metadata()) == inode(fs::metadata(place)) {
            return Ok(held);
        }
    }
}

fn file() -> PathBuf {
    Path::new(PLACE).join("register.json")
}

fn read() -> Register {
    fs::read(file()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(register: &Register) -> Result<(), SandboxError> {
    let (path, next) = (file(), file().with_extension("next"));
    let text = serde_json::to_vec(register).expect("plain data always serializes");
    fs::write(&next, text).map_err(SandboxError::file("write", &next))?;
    fs::rename(&next, &path).map_err(SandboxError::file("write", &path))
}

fn limit(name: &str) -> Option<u64> {
    fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?.trim().parse().ok()
}

fn set(name: &str, value: u64) -> Result<(), SandboxError> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value.to_string()).map_err(SandboxError::file("write", &path))
}
