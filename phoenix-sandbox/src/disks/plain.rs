//! Disks without a pool: layers that are frozen for a copy or snapshot, and volumes that are copied. Nothing holds their
//! sizes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    CopyOf, Disk, DiskKind, Disks, NewDisk, at, new_layer,
    record::{NEXT, OLD},
};
use crate::{
    SandboxError,
    trees::{copy_tree, make, names, remove},
};

impl Disks {
    pub(super) async fn make_root(&self, id: &str, image: &Path, new: &NewDisk) -> Result<(), SandboxError> {
        let disk = Disk::new(new.owners);
        match new.kind {
            DiskKind::Layers | DiskKind::Btrfs => {
                self.make_disk(id, &Disk { image: Some(image.to_owned()), ..disk }).await
            }
            DiskKind::Directory => {
                let place = self.place(id)?;
                remove(&place).await?;
                make(&place)?;
                copy_tree(image, &place.join("top")).await?;
                self.make_top(id, &disk)?;
                self.write(id, &disk)
            }
        }
    }

    pub(super) async fn make_disk(&self, id: &str, disk: &Disk) -> Result<(), SandboxError> {
        let place = self.place(id)?;
        remove(&place).await?;
        make(&place)?;
        self.make_top(id, disk)?;
        self.write(id, disk)
    }

    pub(super) async fn copy_plain(&self, to: &str, what: &CopyOf, disk: &Disk) -> Result<(), SandboxError> {
        let from = what.from.as_str();
        if disk.image.is_none() {
            return self.copy_volume(to, what, disk).await;
        }
        if what.kind == DiskKind::Directory {
            return Err(SandboxError::Wrong(format!(
                "`{from}` is made of layers: a full copy of it needs a pool (`apt-get install btrfs-progs`)"
            )));
        }
        let layers = match &what.snapshot {
            Some(name) => at(disk, from, name)?.clone(),
            None => self.freeze(from, what.in_use).await?,
        };
        self.make_disk(to, &Disk { image: disk.image.clone(), layers, ..Disk::new(disk.owners()) }).await
    }

    async fn copy_volume(&self, to: &str, what: &CopyOf, disk: &Disk) -> Result<(), SandboxError> {
        let source = match &what.snapshot {
            Some(name) => self.layer(at(disk, &what.from, name)?.first().map_or("", String::as_str)),
            None => self.data(&what.from)?,
        };
        let place = self.place(to)?;
        remove(&place).await?;
        make(&place)?;
        copy_tree(&source, &place.join("top")).await?;
        let copied = Disk { snapshots: BTreeMap::new(), layers: Vec::new(), ..disk.clone() };
        self.write(to, &copied)
    }

    pub(super) async fn snapshot_plain(
        &self,
        id: &str,
        mut disk: Disk,
        name: &str,
        in_use: bool,
    ) -> Result<(), SandboxError> {
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

    pub(super) async fn rollback_plain(
        &self,
        id: &str,
        mut disk: Disk,
        name: &str,
    ) -> Result<(), SandboxError> {
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
    pub(super) async fn sweep(&self) -> Result<(), SandboxError> {
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
