//! The disks of containers. A root file system is a stack of frozen layers over an image, with a top that takes the
//! writes: a clone or a snapshot freezes the top and shares the stack, so that it takes no time and no room. A volume is
//! a plain directory, because programs such as Docker lay layers of their own on it.
//!
//! Every step is written down before it is taken, so that a process may die at any moment: [`Disks::read`] finishes what
//! was begun.

mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
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

use record::{NEXT, OLD};

use crate::{
    SandboxError,
    trees::{copy_tree, make, names, remove},
};

pub use record::Disk;

/// The first id on the host of an unprivileged container's ids.
pub const SHIFT: u32 = 100_000;

/// All disks of a sandbox.
#[derive(Clone, Debug)]
pub struct Disks {
    dir: PathBuf,
    /// Held by what makes or removes layers: a new one is not yet written down where it is used.
    changing: Arc<Mutex<()>>,
}

/// What a root file system is mounted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Below, topmost first.
    pub lowers: Vec<PathBuf>,
    /// What takes the writes.
    pub upper: PathBuf,
    /// What the kernel needs beside it.
    pub work: PathBuf,
}

impl Disks {
    /// Returns the disks that lie in a directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), changing: Arc::default() }
    }

    /// Makes a root file system on an image. One that is there already is left as it is.
    pub async fn create_root(&self, id: &str, image: &Path, shifted: bool) -> Result<(), SandboxError> {
        self.create(id, Some(image.to_owned()), Vec::new(), shifted).await
    }

    /// Makes an empty volume. One that is there already is left as it is.
    pub async fn create_volume(&self, id: &str, shifted: bool) -> Result<(), SandboxError> {
        self.create(id, None, Vec::new(), shifted).await
    }

    async fn create(
        &self,
        id: &str,
        image: Option<PathBuf>,
        layers: Vec<String>,
        shifted: bool,
    ) -> Result<(), SandboxError> {
        if self.read(id)?.is_some() {
            return Ok(());
        }
        let place = self.place(id)?;
        remove(&place).await?;
        make(&place)?;
        let disk =
            Disk { image, shifted, layers, snapshots: BTreeMap::new(), freezing: None, discarding: false };
        self.make_top(id, &disk)?;
        self.write(id, &disk)
    }

    /// Lets the holders of these keys in as root of a root file system that nothing has run on yet.
    pub fn authorize(&self, id: &str, keys: &str) -> Result<(), SandboxError> {
        let owner = if self.known(id)?.shifted { SHIFT } else { 0 };
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

    /// Returns where a volume's files are.
    pub fn data(&self, id: &str) -> Result<PathBuf, SandboxError> {
        Ok(self.place(id)?.join("top"))
    }

    /// Returns what a root file system is mounted from.
    pub fn stack(&self, id: &str) -> Result<Stack, SandboxError> {
        let disk = self.known(id)?;
        let place = self.place(id)?;
        let frozen = disk.layers.iter().rev().map(|layer| self.layer(layer));
        let lowers = frozen.chain(disk.image.clone()).collect();
        Ok(Stack { lowers, upper: place.join("top"), work: place.join("work") })
    }

    /// Copies a disk, as it is or as it was at a snapshot. `in_use` says that a container runs on it, so that its top
    /// cannot be taken from under it.
    pub async fn copy(
        &self,
        from: &str,
        to: &str,
        snapshot: Option<&str>,
        in_use: bool,
    ) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        if self.read(to)?.is_some() {
            return Ok(());
        }
        let disk = self.known(from)?;
        if disk.image.is_none() {
            return self.copy_volume(from, to, snapshot, &disk).await;
        }
        let layers = match snapshot {
            Some(name) => at(&disk, from, name)?.clone(),
            None => self.freeze(from, in_use).await?,
        };
        self.create(to, disk.image, layers, disk.shifted).await
    }

    async fn copy_volume(
        &self,
        from: &str,
        to: &str,
        snapshot: Option<&str>,
        disk: &Disk,
    ) -> Result<(), SandboxError> {
        let source = match snapshot {
            Some(name) => self.layer(at(disk, from, name)?.first().map_or("", String::as_str)),
            None => self.data(from)?,
        };
        let place = self.place(to)?;
        remove(&place).await?;
        make(&place)?;
        copy_tree(&source, &place.join("top")).await?;
        let copied = Disk { snapshots: BTreeMap::new(), layers: Vec::new(), ..disk.clone() };
        self.write(to, &copied)
    }

    /// Remembers what is on a disk under a name.
    pub async fn snapshot(&self, id: &str, name: &str, in_use: bool) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let mut disk = self.known(id)?;
        if disk.snapshots.contains_key(name) {
            return Ok(());
        }
        let layers = if disk.image.is_some() {
            let layers = self.freeze(id, in_use).await?;
            disk = self.known(id)?;
            layers
        } else {
            let layer = new_layer();
            make(&self.dir.join("layers"))?;
            copy_tree(&self.data(id)?, &self.layer(&layer)).await?;
            vec![layer]
        };
        disk.snapshots.insert(name.to_owned(), layers);
        self.write(id, &disk)
    }

    /// Forgets a snapshot.
    pub async fn delete_snapshot(&self, id: &str, name: &str) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let Some(mut disk) = self.read(id)? else { return Ok(()) };
        if disk.snapshots.remove(name).is_some() {
            self.write(id, &disk)?;
            self.sweep().await?;
        }
        Ok(())
    }

    /// Returns a disk that nobody uses to what it was at a snapshot.
    pub async fn rollback(&self, id: &str, name: &str) -> Result<(), SandboxError> {
        let _changing = self.changing.lock().await;
        let mut disk = self.known(id)?;
        let layers = at(&disk, id, name)?.clone();
        let place = self.place(id)?;
        if disk.image.is_some() {
            disk.layers = layers;
            disk.discarding = true;
            self.write(id, &disk)?;
        } else if let Some(layer) = layers.first() {
            let next = place.join(NEXT);
            remove(&next).await?;
            copy_tree(&self.layer(layer), &next).await?;
            // Without a top, the next one takes its place: whoever looks sees to that.
            self.put_aside(id)?;
        }
        self.known(id)?;
        remove(&place.join(OLD)).await?;
        self.sweep().await
    }

    /// Removes disks, and what nothing stands on any more.
    pub async fn remove(&self, ids: &[String]) -> Result<(), SandboxError> {
        for id in ids {
            let place = self.place(id)?;
            // First what says that there is a disk: a part of one must not be taken for it.
            forget(&place.join("disk.json"))?;
            remove(&place).await?;
        }
        let _changing = self.changing.lock().await;
        self.sweep().await
    }

    /// Freezes what was written since the last time, if anything was; returns the layers that hold what is there now.
    async fn freeze(&self, id: &str, in_use: bool) -> Result<Vec<String>, SandboxError> {
        let mut disk = self.known(id)?;
        let place = self.place(id)?;
        let top = place.join("top");
        if fs::read_dir(&top).map_err(SandboxError::file("read", &top))?.next().is_none() {
            return Ok(disk.layers);
        }
        let layer = new_layer();
        make(&self.dir.join("layers"))?;
        let mut layers = disk.layers.clone();
        layers.push(layer.clone());
        if in_use {
            // The container goes on writing to its top; the copy of it never changes.
            copy_tree(&top, &self.layer(&layer)).await?;
            return Ok(layers);
        }
        disk.freezing = Some(layer.clone());
        self.write(id, &disk)?;
        let frozen = self.layer(&layer);
        fs::rename(&top, &frozen).map_err(SandboxError::file("rename", &top))?;
        remove(&place.join("work")).await?;
        disk.freezing = None;
        disk.layers.clone_from(&layers);
        self.make_top(id, &disk)?;
        self.write(id, &disk)?;
        Ok(layers)
    }

    /// Removes layers that no disk stands on.
    async fn sweep(&self) -> Result<(), SandboxError> {
        let mut used = BTreeSet::new();
        for id in names(&self.dir.join("disks"))? {
            let Some(disk) = self.read(&id)? else { continue };
            used.extend(disk.layers);
            used.extend(disk.snapshots.into_values().flatten());
        }
        for layer in names(&self.dir.join("layers"))? {
            if !used.contains(&layer) {
                remove(&self.layer(&layer)).await?;
            }
        }
        Ok(())
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
