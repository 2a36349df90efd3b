//! The disks of containers. A root file system is a top that takes the writes over an image, or a tree of its own; a
//! volume is a tree, because programs such as Docker lay layers of their own on it. Where the sandbox has a pool, disks
//! lie in it and hold no more than their size; elsewhere they lie in the node's directory, and a copy or snapshot freezes
//! the top and shares the stack, so that it takes no time and no room.
//!
//! Every step is written down before it is taken, so that a process may die at any moment: [`Disks::read`] finishes what
//! was begun.

mod held;
mod make;
mod plain;
mod record;

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::Mutex;

use held::limit;
use record::Place;

use crate::{
    SandboxError,
    pool::Pool,
    trees::{make, remove},
};

pub use make::{CopyOf, DiskKind, NewDisk, Owners, SHIFT};
pub use record::Disk;

/// All disks of a sandbox.
#[derive(Clone, Debug)]
pub struct Disks {
    dir: PathBuf,
    /// Where new disks lie, if the sandbox has it.
    pool: Option<Pool>,
    /// Held by what makes or removes layers: a new one is not yet written down where it is used.
    changing: Arc<Mutex<()>>,
}

/// What a root file system is mounted from, as it is called in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Below, topmost first; none under a tree of its own.
    pub lowers: Vec<PathBuf>,
    /// What takes the writes.
    pub upper: PathBuf,
    /// What the kernel needs beside it.
    pub work: PathBuf,
}

impl Disks {
    /// Returns the disks that lie in a directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), pool: None, changing: Arc::default() }
    }

    /// Returns the same disks with the pool of the sandbox that runs.
    pub(crate) fn with(&self, pool: Option<Pool>) -> Self {
        Self { pool, ..self.clone() }
    }

    /// Says whether new disks hold no more than their size.
    pub fn hold_sizes(&self) -> bool {
        self.pool.is_some()
    }

    /// Makes a root file system from an image. One that is there already is left as it is.
    pub async fn create_root(&self, id: &str, image: &Path, new: &NewDisk) -> Result<(), SandboxError> {
        match (self.read(id)?, &self.pool) {
            (Some(_), _) => Ok(()),
            (None, Some(pool)) => self.hold_root(pool, id, image, new).await,
            (None, None) => self.make_root(id, image, new).await,
        }
    }

    /// Makes an empty volume. One that is there already is left as it is.
    pub async fn create_volume(&self, id: &str, new: &NewDisk) -> Result<(), SandboxError> {
        match (self.read(id)?, &self.pool) {
            (Some(_), _) => Ok(()),
            (None, Some(pool)) => self.hold_volume(pool, id, new).await,
            (None, None) => self.make_disk(id, &Disk::new(new.owners)).await,
        }
    }

    /// Lets the holders of these keys in as root of a root file system that nothing has run on yet.
    pub fn authorize(&self, id: &str, keys: &str) -> Result<(), SandboxError> {
        let owner = self.known(id)?.owners().root();
        let home = self.data(id)?.join("root");
        let ssh = home.join(".ssh");
        make(&ssh)?;
        let path = ssh.join("authorized_keys");
        let mut text = keys.trim_end().to_owned();
        text.push('\n');
        fs::write(&path, text).map_err(SandboxError::file("write", &path))?;
        for (path, mode) in [(&home, 0o700), (&ssh, 0o700), (&path, 0o600)] {
            chown(path, Some(owner), Some(owner)).map_err(SandboxError::file("give away", path))?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .map_err(SandboxError::file("protect", path))?;
        }
        Ok(())
    }

    /// Returns where a volume's files are, or what was written to a root file system, for this process.
    pub fn data(&self, id: &str) -> Result<PathBuf, SandboxError> {
        match self.read(id)?.map(|disk| disk.place) {
            Some(Place::Pool { .. }) => Ok(self.held(id)?.reach(&format!("disks/{id}/top"))),
            Some(Place::Plain) | None => Ok(self.place(id)?.join("top")),
        }
    }

    /// Returns the same as it is called in the sandbox.
    pub fn source(&self, id: &str) -> Result<PathBuf, SandboxError> {
        match self.known(id)?.place {
            Place::Pool { .. } => Ok(self.held(id)?.inside(&format!("disks/{id}/top"))),
            Place::Plain => self.data(id),
        }
    }

    /// Returns what a root file system is mounted from.
    pub async fn stack(&self, id: &str) -> Result<Stack, SandboxError> {
        let disk = self.known(id)?;
        let place = match disk.place {
            Place::Pool { .. } => {
                let pool = self.held(id)?;
                if !pool.reach(&format!("disks/{id}")).exists() {
                    pool.does("mend", &[id]).await?;
                }
                pool.inside(&format!("disks/{id}"))
            }
            Place::Plain => self.place(id)?,
        };
        let frozen = disk.layers.iter().rev().map(|layer| self.layer(layer));
        let lowers = frozen.chain(disk.image.clone()).collect();
        Ok(Stack { lowers, upper: place.join("top"), work: place.join("work") })
    }

    /// Copies a disk, as it is or as it was at a snapshot. One that is there already is left as it is.
    pub async fn copy(&self, to: &str, what: &CopyOf) -> Result<(), SandboxError> {
        let changing = self.changing.lock().await;
        if self.read(to)?.is_some() {
            return Ok(());
        }
        let disk = self.known(&what.from)?;
        match (disk.place, what.kind, &self.pool) {
            (Place::Pool { .. }, ..) | (Place::Plain, DiskKind::Directory, Some(_)) => {
                // In the pool nothing is shared that another could remove meanwhile.
                drop(changing);
                self.hold_copy(self.held(&what.from)?, to, what, &disk).await
            }
            (Place::Plain, ..) => self.copy_plain(to, what, &disk).await,
        }
    }

    /// Lets a disk hold so much. Says whether anything holds it to that.
    pub async fn resize(&self, id: &str, size: u64) -> Result<bool, SandboxError> {
        let Some(disk) = self.read(id)? else { return Ok(false) };
        let Place::Pool { below, .. } = disk.place else { return Ok(false) };
        self.held(id)?.does("limit", &[id, &limit(size, below)]).await?;
        self.write(id, &Disk { place: Place::Pool { size, below }, ..disk })?;
        Ok(true)
    }

    /// Gives a disk another name, with its snapshots.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let (Some(disk), None) = (self.read(from)?, self.read(to)?) else { return Ok(()) };
        let (old, new) = (self.place(from)?, self.place(to)?);
        if let Place::Pool { .. } = disk.place {
            self.held(from)?.does("rename", &[from, to]).await?;
        }
        remove(&new).await?;
        fs::rename(&old, &new).map_err(SandboxError::file("rename", &old))
    }

    /// Remembers what is on a disk under a name.
    pub async fn snapshot(&self, id: &str, name: &str, in_use: bool) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let mut disk = self.known(id)?;
        if disk.snapshots.contains_key(name) {
            return Ok(());
        }
        match disk.place {
            Place::Pool { .. } => {
                plain_name(name)?;
                self.held(id)?.does("snapshot", &[id, name]).await?;
                disk.snapshots.insert(name.to_owned(), Vec::new());
                self.write(id, &disk)
            }
            Place::Plain => self.snapshot_plain(id, disk, name, in_use).await,
        }
    }

    /// Forgets a snapshot.
    pub async fn delete_snapshot(&self, id: &str, name: &str) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let Some(mut disk) = self.read(id)? else { return Ok(()) };
        if disk.snapshots.remove(name).is_none() {
            return Ok(());
        }
        self.write(id, &disk)?;
        match disk.place {
            Place::Pool { .. } => self.held(id)?.does("forget", &[id, name]).await,
            Place::Plain => self.sweep().await,
        }
    }

    /// Returns a disk that nobody uses to what it was at a snapshot.
    pub async fn rollback(&self, id: &str, name: &str) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let disk = self.known(id)?;
        match disk.place {
            Place::Pool { size, below } => {
                at(&disk, id, name)?;
                self.held(id)?.does("rollback", &[id, name, &limit(size, below)]).await
            }
            Place::Plain => self.rollback_plain(id, disk, name).await,
        }
    }

    /// Removes disks, and what nothing stands on any more.
    pub async fn remove(&self, ids: &[String]) -> Result<(), SandboxError> {
        for id in ids {
            let place = self.place(id)?;
            if let Some(Place::Pool { .. }) = self.read(id)?.map(|disk| disk.place) {
                // Whoever is cut off here does it again, and finds it by what is written down.
                self.held(id)?.does("remove", &[id]).await?;
            }
            // First what says that there is a disk: a part of one must not be taken for it.
            forget(&place.join("disk.json"))?;
            remove(&place).await?;
        }
        let _changing = self.changing.lock().await;
        self.sweep().await
    }

    /// Returns the pool that a disk lies in.
    fn held(&self, id: &str) -> Result<&Pool, SandboxError> {
        let why = || crate::holder::hindrance(&self.dir).unwrap_or_else(|| "no sandbox runs".to_owned());
        self.pool.as_ref().ok_or_else(|| {
            SandboxError::Wrong(format!(
                "the disk `{id}` is in the node's pool, which is not there: {}",
                why()
            ))
        })
    }
}

fn forget(path: &Path) -> Result<(), SandboxError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SandboxError::file("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Refuses the name of a snapshot that would lead elsewhere.
fn plain_name(name: &str) -> Result<(), SandboxError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    match !name.is_empty() && name.chars().all(is_plain) {
        true => Ok(()),
        false => Err(SandboxError::Wrong(format!("`{name}` cannot be the name of a snapshot"))),
    }
}

fn at<'a>(disk: &'a Disk, id: &str, snapshot: &str) -> Result<&'a Vec<String>, SandboxError> {
    let missing = || SandboxError::Wrong(format!("the disk `{id}` has no snapshot `{snapshot}`"));
    disk.snapshots.get(snapshot).ok_or_else(missing)
}

/// Returns a name that no other layer has.
fn new_layer() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{now:x}-{:x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests;
