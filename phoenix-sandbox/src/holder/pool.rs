//! The pool: a file that is one btrfs for all disks of a node, mounted inside the sandbox alone. It is what can hold the
//! size of a disk; without it there are disks too, and their sizes are written down only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{programs::find, record};
use crate::{command::run, error::SandboxError};

/// The file, in the node's directory. It is sparse: it takes what is in it.
pub(super) const FILE: &str = "pool.btrfs";
const LIMIT: Duration = Duration::from_secs(120);
/// Below this there is no room for a pool.
const LEAST: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// Returns the file of the pool, which is made if it is not there, or nothing where there can be none: then the reason is
/// written down.
pub(super) async fn prepare(dir: &Path) -> Result<Option<PathBuf>, SandboxError> {
    let image = dir.join(FILE);
    let reason = file(dir);
    let made = match image.exists() {
        true => Ok(()),
        false => make(dir, &image).await,
    };
    match made {
        Ok(()) => Ok(Some(image)),
        Err(error) => {
            fs::write(&reason, error.to_string()).map_err(SandboxError::file("write", &reason))?;
            Ok(None)
        }
    }
}

/// Returns why a sandbox has no pool, if it has none.
pub(crate) fn hindrance(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(file(dir)).unwrap_or_default();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

async fn make(dir: &Path, image: &Path) -> Result<(), SandboxError> {
    let mkfs = find("mkfs.btrfs", "btrfs-progs")?;
    find("btrfs", "btrfs-progs")?;
    knows_btrfs().await?;
    let room = rustix::fs::statvfs(dir).map_err(|error| SandboxError::file("read", dir)(error.into()))?;
    // Not all of it: the pool must be full before the disk below it is.
    let size = room.f_bavail.saturating_mul(room.f_frsize) / 10 * 9 / MIB * MIB;
    if size < LEAST {
        return Err(SandboxError::Wrong(format!("`{}` has less than {LEAST} bytes free", dir.display())));
    }
    let half = image.with_extension("half");
    let file = fs::File::create(&half).and_then(|file| file.set_len(size));
    file.map_err(SandboxError::file("write", &half))?;
    let words = [mkfs.display().to_string(), "-q".into(), "-f".into(), "-m".into(), "single".into()];
    let words: Vec<String> = words.into_iter().chain([half.display().to_string()]).collect();
    run(&words, b"", LIMIT).await?;
    fs::rename(&half, image).map_err(SandboxError::file("write", image))
}

/// Fails unless the kernel has btrfs and files that stand as disks.
async fn knows_btrfs() -> Result<(), SandboxError> {
    let listed = || fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("\tbtrfs\n"));
    for (module, is_there) in [("btrfs", listed()), ("loop", Path::new("/dev/loop-control").exists())] {
        // Where it is not built in, a module brings it; without one the mount says what is missing.
        if !is_there && let Ok(modprobe) = find("modprobe", "kmod") {
            let words = [modprobe.display().to_string(), "-q".to_owned(), module.to_owned()];
            if let Err(error) = run(&words, b"", LIMIT).await {
                tracing::debug!(%error, module, "no module");
            }
        }
    }
    match listed() {
        true => Ok(()),
        false => Err(SandboxError::Wrong("the kernel has no btrfs".to_owned())),
    }
}

/// Removes what is left of a former reason.
pub(super) fn forget(dir: &Path) -> Result<(), SandboxError> {
    let path = file(dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SandboxError::file("remove", &path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn file(dir: &Path) -> PathBuf {
    record::place(dir).join("no-pool")
}
