//! Backups of containers: archives of the files that a container sees, with the owners that it sees, and containers made
//! from them again.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    Containers, NewDisk, Owners, SandboxError,
    trees::{copy_tree, make, text},
};

const SCRIPT: &str = include_str!("scripts/dump.sh");
/// How long a large container may take.
const LIMIT: Duration = Duration::from_secs(6 * 3600);
/// Under what name disks are kept still while they are packed. No guest's snapshot can have it.
const STILL: &str = "vzdump";

/// The disks of a container in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The container.
    pub vmid: u32,
    /// The storage that the archive is on, and the name of its file.
    pub storage: String,
    /// The name of the file. Its ending tells how it is compressed.
    pub file: String,
    /// Whose the files are on the machine.
    pub owners: Owners,
    /// The disk that is the root file system.
    pub root: String,
    /// The volumes, each with where it is mounted; what is inside another comes after it.
    pub volumes: Vec<(String, String)>,
}

impl Containers {
    /// Returns where a storage's archives are.
    pub fn archives(&self, storage: &str) -> PathBuf {
        self.dir().join("dump").join(storage)
    }

    /// Makes an archive of a container, with its configuration. One that runs goes on meanwhile.
    pub async fn back_up(&self, archive: &Archive, config: &str) -> Result<(), SandboxError> {
        let disks = self.disks().await?;
        let in_use = self.in_use(archive.vmid).await?;
        let mut archive = archive.clone();
        // A volume that no start has made yet has nothing in it.
        archive.volumes.retain(|(id, _)| !matches!(disks.read(id), Ok(None)));
        let all: Vec<&String> = archive.volumes.iter().map(|(id, _)| id).chain([&archive.root]).collect();
        let mut still = Vec::new();
        for id in all {
            // Without a pool, a snapshot of a container that runs would be a copy: then it is read as it is.
            if in_use && disks.read(id)?.is_some_and(|disk| disk.is_held()) {
                disks.delete_snapshot(id, STILL).await?;
                disks.snapshot(id, STILL, in_use).await?;
                still.push(id.clone());
            }
        }
        let of = |id: &String| still.contains(id).then_some(STILL);
        let packed = async {
            let root = disks.whole(&archive.root, of(&archive.root))?;
            let mut volumes = Vec::new();
            for (id, target) in &archive.volumes {
                volumes.extend([disks.whole(id, of(id))?, target.clone()]);
            }
            self.run(&archive, "pack", root, volumes, config).await
        };
        let packed = packed.await;
        for id in &still {
            disks.delete_snapshot(id, STILL).await?;
        }
        packed
    }

    /// Makes the disks of a container from an archive; `news` says what each shall be, the root first. Disks of these
    /// names that are there are given up.
    pub async fn unpack(&self, archive: &Archive, news: &[NewDisk]) -> Result<(), SandboxError> {
        let path = self.archives(&archive.storage).join(&archive.file);
        if !path.is_file() {
            return Err(SandboxError::Wrong(format!("there is no archive `{}`", path.display())));
        }
        let disks = self.disks().await?;
        let ids: Vec<String> =
            [&archive.root].into_iter().chain(archive.volumes.iter().map(|(id, _)| id)).cloned().collect();
        disks.remove(&ids).await?;
        for (id, new) in ids.iter().zip(news) {
            disks.create_volume(id, new).await?;
        }
        let root = disks.whole(&archive.root, None)?;
        let mut volumes = Vec::new();
        for (id, target) in &archive.volumes {
            volumes.extend([disks.whole(id, None)?, target.clone()]);
        }
        self.run(archive, "unpack", root, volumes, "").await
    }

    /// Copies an archive to another storage, or under another name: the storage and the file, from and to.
    pub async fn copy_archive(
        &self,
        from: &(String, String),
        to: &(String, String),
    ) -> Result<(), SandboxError> {
        make(&self.archives(&to.0))?;
        copy_tree(&self.archives(&from.0).join(&from.1), &self.archives(&to.0).join(&to.1)).await
    }

    async fn run(
        &self,
        archive: &Archive,
        verb: &str,
        root: String,
        volumes: Vec<String>,
        input: &str,
    ) -> Result<(), SandboxError> {
        let sandbox = self.sandbox().await?;
        let folder = self.archives(&archive.storage);
        make(&folder)?;
        let path = text(&folder.join(&archive.file))?;
        let how = match archive.file.rsplit_once('.').map_or("", |(_, ending)| ending) {
            "zst" => "--use-compress-program=zstd",
            "gz" => "--gzip",
            "lzo" => "--lzop",
            _tar => "",
        };
        let owners = match archive.owners {
            Owners::Plain => "plain",
            Owners::Shifted => "shifted",
        };
        let dir = text(self.dir())?;
        let words =
            ["unshare", "--mount", "/bin/sh", "-c", SCRIPT, "dump", &dir, verb, &path, owners, how, &root];
        let words: Vec<&str> = words.into_iter().chain(volumes.iter().map(String::as_str)).collect();
        let done = sandbox.run(&words, input.as_bytes(), LIMIT).await;
        if done.is_err() {
            // What is half made is no archive, and takes room.
            let _ = fs::remove_file(format!("{path}.half"));
        }
        done.map(drop).map_err(|error| match error {
            SandboxError::Command { said, .. } => {
                let said = said.lines().map(str::trim).collect::<Vec<_>>().join("; ");
                SandboxError::Wrong(format!("the archive `{}`: {said}", archive.file))
            }
            SandboxError::Late { .. }
            | SandboxError::Missing { .. }
            | SandboxError::NotRoot
            | SandboxError::File { .. }
            | SandboxError::Build { .. }
            | SandboxError::Wrong(_) => error,
        })
    }
}
