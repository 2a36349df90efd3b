//! What is written down of a disk, and how what a former process began is finished.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{Disks, Owners, new_layer};
use crate::{SandboxError, trees::make};

/// Where a volume's next top is made ready.
pub(super) const NEXT: &str = "next";
/// Where tops lie that nobody needs any more.
pub(super) const OLD: &str = "old";

/// What a disk is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The unpacked image at the bottom of a root file system; a volume has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PathBuf>,
    /// Whether its owners are those of an unprivileged container.
    pub shifted: bool,
    /// Where it lies.
    #[serde(default)]
    pub(super) place: Place,
    /// Frozen layers, oldest first.
    #[serde(default)]
    pub layers: Vec<String>,
    /// What the stack was at each snapshot.
    #[serde(default)]
    pub snapshots: BTreeMap<String, Vec<String>>,
    /// The layer that the top is on its way to become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) freezing: Option<String>,
    /// Whether the top is still of a time that the disk has been returned from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) discarding: bool,
}

/// Where a disk lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// In the node's directory.
    #[default]
    Plain,
    /// In the pool, with what it may hold and what of that is in an image below it.
    Pool { size: u64, below: u64 },
}

impl Disk {
    /// Returns an empty disk.
    pub(super) fn new(owners: Owners) -> Self {
        Self {
            image: None,
            shifted: owners == Owners::Shifted,
            place: Place::Plain,
            layers: Vec::new(),
            snapshots: BTreeMap::new(),
            freezing: None,
            discarding: false,
        }
    }

    /// Says whether it lies in the pool, which holds it to its size.
    pub fn is_held(&self) -> bool {
        matches!(self.place, Place::Pool { .. })
    }

    /// Returns whose its files are.
    pub(super) fn owners(&self) -> Owners {
        if self.shifted { Owners::Shifted } else { Owners::Plain }
    }
}

impl Disks {
    /// Returns what a disk is, after finishing what a former process began; none if there is no such disk.
    pub fn read(&self, id: &str) -> Result<Option<Disk>, SandboxError> {
        let path = self.place(id)?.join("disk.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SandboxError::file("read", &path)(source)),
        };
        let mut disk: Disk = serde_json::from_slice(&text)
            .map_err(|error| SandboxError::Wrong(format!("`{}` is damaged: {error}", path.display())))?;
        if let Place::Pool { .. } = disk.place {
            return Ok(Some(disk));
        }
        if let Some(layer) = disk.freezing.take() {
            if self.layer(&layer).exists() {
                disk.layers.push(layer);
            }
            self.make_top(id, &disk)?;
            self.write(id, &disk)?;
        }
        if disk.discarding {
            self.put_aside(id)?;
            disk.discarding = false;
            self.make_top(id, &disk)?;
            self.write(id, &disk)?;
        }
        let place = self.place(id)?;
        let (top, next) = (place.join("top"), place.join(NEXT));
        if !top.exists() && next.exists() {
            fs::rename(&next, &top).map_err(SandboxError::file("rename", &next))?;
        }
        Ok(Some(disk))
    }

    /// Takes the top away from a disk, to be removed when there is time.
    pub(super) fn put_aside(&self, id: &str) -> Result<(), SandboxError> {
        let place = self.place(id)?;
        let old = place.join(OLD);
        make(&old)?;
        for name in ["top", "work"] {
            let (from, to) = (place.join(name), old.join(format!("{name}-{}", new_layer())));
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SandboxError::file("rename", &from)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn known(&self, id: &str) -> Result<Disk, SandboxError> {
        self.read(id)?.ok_or_else(|| SandboxError::Wrong(format!("there is no disk `{id}`")))
    }

    pub(super) fn place(&self, id: &str) -> Result<PathBuf, SandboxError> {
        let is_plain = !id.is_empty()
            && !id.starts_with('.')
            && id.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
        match is_plain {
            true => Ok(self.dir.join("disks").join(id)),
            false => Err(SandboxError::Wrong(format!("`{id}` cannot be the name of a disk"))),
        }
    }

    pub(super) fn layer(&self, layer: &str) -> PathBuf {
        self.dir.join("layers").join(layer)
    }

    pub(super) fn make_top(&self, id: &str, disk: &Disk) -> Result<(), SandboxError> {
        let place = self.place(id)?;
        for name in ["top", "work"] {
            let path = place.join(name);
            make(&path)?;
            let owner = disk.owners().root();
            // The root of what the container sees is its root's, and others may enter it.
            chown(&path, Some(owner), Some(owner)).map_err(SandboxError::file("give away", &path))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(SandboxError::file("open", &path))?;
        }
        Ok(())
    }

    pub(super) fn write(&self, id: &str, disk: &Disk) -> Result<(), SandboxError> {
        let place = self.place(id)?;
        make(&place)?;
        let path = place.join("disk.json");
        let beside = path.with_extension("new");
        let text = serde_json::to_vec_pretty(disk).map_err(|error| SandboxError::Wrong(error.to_string()))?;
        fs::write(&beside, text).map_err(SandboxError::file("write", &beside))?;
        fs::rename(&beside, &path).map_err(SandboxError::file("write", &path))
    }
}
