//! Files that stand as disks. The kernel lets go of one that `mount -o loop` made when its mount ends, but not of one
//! that `losetup` made: that one belongs to no namespace, so it is found again by the file below it.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

use serde::Deserialize;

use super::{pool, programs};
use crate::{command, error::SandboxError};

const LIMIT: Duration = Duration::from_secs(30);

/// How often a look is taken whether they are gone.
const TRIES: usize = 1200;
const POLL: Duration = Duration::from_millis(25);

#[derive(Debug, Default, Deserialize)]
struct Listing {
    loopdevices: Vec<Loop>,
}

#[derive(Debug, Deserialize)]
struct Loop {
    name: String,
    #[serde(rename = "back-ino")]
    inode: Option<u64>,
    #[serde(rename = "back-maj:min")]
    device: Option<String>,
    #[serde(rename = "back-file")]
    file: Option<String>,
}

/// Detaches the loop devices of a node whose sandbox has ended, and waits until they are gone: the kernel takes the mounts
/// of a namespace apart after its last process.
pub(super) async fn detach(dir: &Path) -> Result<(), SandboxError> {
    let losetup = programs::find("losetup", "mount")?.display().to_string();
    for _ in 0..TRIES {
        let left = of(dir, &losetup).await?;
        if left.is_empty() {
            return Ok(());
        }
        for name in left {
            let detached = command::run(&[losetup.clone(), "--detach".to_owned(), name], b"", LIMIT).await;
            if let Err(error) = detached {
                // It has gone by itself meanwhile, or the next look finds it again.
                tracing::debug!(%error, "loop device");
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Err(SandboxError::Wrong(format!(
        "the machine still uses files of `{}` as disks: `losetup --list` shows which, `losetup --detach` lets one go",
        dir.display()
    )))
}

/// Lists the loop devices of a node.
async fn of(dir: &Path, losetup: &str) -> Result<Vec<String>, SandboxError> {
    let words = [losetup, "--list", "--json", "--output", "NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE"];
    let shown = command::run(&words.map(str::to_owned), b"", LIMIT).await?.text;
    if shown.trim().is_empty() {
        return Ok(Vec::new());
    }
    let listing: Listing = serde_json::from_str(&shown).map_err(|error| {
        SandboxError::Wrong(format!("what `losetup --list` says cannot be read: {error}"))
    })?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted: BTreeSet<&str> = mounts.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    Ok(listing.loopdevices.into_iter().filter(|one| one.is_of(dir, &mounted)).map(|one| one.name).collect())
}

impl Loop {
    /// Says whether its file is one of a node. A mount that is gone shows a path from where it began, which is the node's
    /// directory or the overlay of its host; the number of the file tells whether it is that one.
    fn is_of(&self, dir: &Path, mounted: &BTreeSet<&str>) -> bool {
        let (Some(file), Some(device)) = (&self.file, &self.device) else { return false };
        // It comes in a column of fixed width.
        let device = device.trim();
        let below = file.trim_start_matches('/');
        let is_same = |path: &Path| fs::metadata(path).is_ok_and(|data| Some(data.ino()) == self.inode);
        // An overlay has a device of its own, which no mount of the machine has.
        let is_of_overlay = !mounted.contains(device) && is_same(&dir.join("host/upper").join(below));
        let is_on_disk = fs::metadata(dir).is_ok_and(|data| name_of(data.dev()) == device);
        let is_in_dir = Path::new(file).starts_with(dir) && is_same(Path::new(file));
        // That of the pool was opened in the machine's tree, whose mount is gone.
        let is_pool = is_same(&dir.join(pool::FILE));
        is_of_overlay || is_on_disk && (is_pool || is_in_dir || is_same(&dir.join(below)))
    }
}

/// Writes the number of a device as the kernel's tables do.
fn name_of(device: u64) -> String {
    format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
}
