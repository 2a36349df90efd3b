//! Disks in the pool: their sizes are held, and copies share what they have in common.

use std::{path::Path, time::Duration};

use super::{CopyOf, Disk, DiskKind, Disks, NewDisk, at, record::Place};
use crate::{SandboxError, pool::Pool, run, trees::text};

/// How long it may take to count what is in an image.
const COUNT: Duration = Duration::from_secs(300);

impl Disks {
    /// Makes a root file system on an image.
    pub(super) async fn hold_root(
        &self,
        pool: &Pool,
        id: &str,
        image: &Path,
        new: &NewDisk,
    ) -> Result<(), SandboxError> {
        let owner = new.owners.root().to_string();
        let below = match new.kind {
            DiskKind::Layers => bytes(image).await?,
            DiskKind::Directory | DiskKind::Btrfs => 0,
        };
        if new.size != 0 && new.size <= below {
            return Err(SandboxError::Wrong(format!(
                "No space left on device: the system takes {below} bytes, the disk `{id}` may hold {}",
                new.size
            )));
        }
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let path = text(image)?;
        match new.kind {
            DiskKind::Layers => pool.does("empty", &[id, &owner, &limit(new.size, below)]).await?,
            DiskKind::Directory => pool.does("copy", &[id, &owner, &limit(new.size, 0), &path]).await?,
            DiskKind::Btrfs => {
                pool.does("image", &[&name, &path]).await?;
                let source = format!("pool/images/{name}");
                pool.does("share", &[id, &limit(new.size, 0), &source]).await?;
            }
        }
        let image = (new.kind == DiskKind::Layers).then(|| image.to_owned());
        self.write(id, &Disk { image, place: Place::Pool { size: new.size, below }, ..Disk::new(new.owners) })
    }

    /// Makes an empty volume.
    pub(super) async fn hold_volume(&self, pool: &Pool, id: &str, new: &NewDisk) -> Result<(), SandboxError> {
        pool.does("empty", &[id, &new.owners.root().to_string(), &limit(new.size, 0)]).await?;
        self.write(id, &Disk { place: Place::Pool { size: new.size, below: 0 }, ..Disk::new(new.owners) })
    }

    /// Copies a disk into the pool.
    pub(super) async fn hold_copy(
        &self,
        pool: &Pool,
        to: &str,
        what: &CopyOf,
        disk: &Disk,
    ) -> Result<(), SandboxError> {
        let shares = match (disk.place, what.kind) {
            (Place::Pool { below, .. }, DiskKind::Layers | DiskKind::Btrfs) => Some(below),
            (Place::Pool { .. }, DiskKind::Directory) | (Place::Plain, _) => None,
        };
        if let Some(name) = &what.snapshot {
            at(disk, &what.from, name)?;
        }
        let copied = Disk { layers: Vec::new(), ..Disk::new(disk.owners()) };
        if let Some(below) = shares {
            let source = match &what.snapshot {
                Some(name) => format!("pool/snapshots/{}/{name}", what.from),
                None => format!("pool/disks/{}", what.from),
            };
            pool.does("mend", &[&what.from]).await?;
            pool.does("share", &[to, &limit(what.size, below), &source]).await?;
            let place = Place::Pool { size: what.size, below };
            return self.write(to, &Disk { image: disk.image.clone(), place, ..copied });
        }
        let whole = self.whole(&what.from, what.snapshot.as_deref())?;
        let owner = disk.owners().root().to_string();
        pool.does("copy", &[to, &owner, &limit(what.size, 0), &whole]).await?;
        self.write(to, &Disk { place: Place::Pool { size: what.size, below: 0 }, ..copied })
    }

    /// Returns the directories that show all of a disk, topmost first, as they are called in the sandbox's directory.
    pub(crate) fn whole(&self, id: &str, snapshot: Option<&str>) -> Result<String, SandboxError> {
        let disk = self.known(id)?;
        let mut all = Vec::new();
        match (disk.place, snapshot) {
            (Place::Pool { .. }, None) => all.push(format!("pool/disks/{id}/top")),
            (Place::Pool { .. }, Some(name)) => {
                at(&disk, id, name)?;
                all.push(format!("pool/snapshots/{id}/{name}/top"));
            }
            (Place::Plain, None) => {
                all.push(format!("disks/{id}/top"));
                all.extend(disk.layers.iter().rev().map(|layer| format!("layers/{layer}")));
            }
            (Place::Plain, Some(name)) => {
                all.extend(at(&disk, id, name)?.iter().rev().map(|layer| format!("layers/{layer}")));
            }
        }
        if let Some(image) = &disk.image {
            all.push(text(image.strip_prefix(&self.dir).unwrap_or(image))?);
        }
        Ok(all.join(":"))
    }
}

/// Returns the limit of a subvolume whose disk may hold so much, with so much of it in an image that is elsewhere.
pub(super) fn limit(size: u64, below: u64) -> String {
    match size {
        0 => "none".to_owned(),
        size => size.saturating_sub(below).to_string(),
    }
}

/// Counts what is in an image.
async fn bytes(image: &Path) -> Result<u64, SandboxError> {
    let words = ["du", "--summarize", "--one-file-system", "--block-size=1", "--"].map(str::to_owned);
    let words: Vec<String> = words.into_iter().chain([text(image)?]).collect();
    let said = run(&words, b"", COUNT).await?.text;
    let count = said.split_whitespace().next().and_then(|count| count.parse().ok());
    count.ok_or_else(|| SandboxError::Wrong(format!("`du` says `{}` of an image", said.trim())))
}
