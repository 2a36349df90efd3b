//! Disks: what a node has of them, what is on each, and the pools of ZFS that they make. The simulation makes of it what `lsblk`,
//! `wipefs`, `blkid`, `zpool` and `zfs` say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The disks of a node, and its pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disks {
    /// The disks by their names under `/dev/disk/by-id`.
    pub disks: BTreeMap<String, Disk>,
    /// The pools by their names.
    pub pools: BTreeMap<String, Zpool>,
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// What the kernel calls it: `sda`. Given out in order where it is empty.
    pub node: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The file system, or what else is on the disk itself: `ext4`, `LVM2_member`.
    pub holds: Option<String>,
    /// The sort of its partition table: `gpt`.
    pub table: Option<String>,
    /// Its partitions, from the first on.
    pub parts: Vec<Part>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Its size in bytes.
    pub bytes: u64,
    /// The file system on it.
    pub holds: Option<String>,
    /// What that is called.
    pub label: Option<String>,
    /// Where it is mounted.
    pub mount: Option<String>,
}

/// A pool of ZFS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Zpool {
    /// Its number, as no other pool has.
    pub guid: u64,
    /// How its disks stand together: `mirror`, `raidz1`; empty for one after the other.
    pub layout: String,
    /// Its disks, by their names under `/dev/disk/by-id`.
    pub disks: Vec<String>,
    /// It is on its disks, and not in use.
    pub is_exported: bool,
    /// How full it is, in percent.
    pub capacity: u64,
    /// The properties of the pool that were set.
    pub properties: BTreeMap<String, String>,
    /// Its file systems by their whole names, itself among them, each with the properties that were set.
    pub datasets: BTreeMap<String, BTreeMap<String, String>>,
}

impl Disks {
    /// The size of a disk of which nobody says more.
    pub const BYTES: u64 = 2_000_398_934_016;

    /// Adds a disk that nothing is on.
    #[must_use]
    pub fn with_disk(mut self, name: &str, disk: Disk) -> Self {
        self.disks.insert(name.to_owned(), disk);
        self
    }

    /// Adds a pool, and those of its disks that are not there yet.
    #[must_use]
    pub fn with_pool(mut self, name: &str, layout: &str, disks: &[&str]) -> Self {
        let pool = Zpool {
            layout: layout.to_owned(),
            disks: disks.iter().map(|&disk| disk.to_owned()).collect(),
            datasets: [(name.to_owned(), BTreeMap::new())].into(),
            ..Zpool::default()
        };
        self.put_pool(name, pool);
        self
    }

    /// Puts a pool on its disks.
    pub(crate) fn put_pool(&mut self, name: &str, mut pool: Zpool) {
        if pool.guid == 0 {
            let letters =
                name.bytes().fold(1u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            pool.guid = 1_000_000_000_000_000_000 + letters % 1_000_000_000_000_000_000;
        }
        for disk in &pool.disks {
            let disk = self.disks.entry(disk.clone()).or_default();
            if disk.bytes == 0 {
                disk.bytes = Self::BYTES;
            }
            let member = |bytes| Part {
                bytes,
                holds: Some("zfs_member".into()),
                label: Some(name.into()),
                mount: None,
            };
            disk.table = Some("gpt".to_owned());
            disk.parts = vec![member(disk.bytes - (8 << 20)), Part { bytes: 8 << 20, ..Part::default() }];
        }
        self.pools.insert(name.to_owned(), pool);
    }

    /// Takes in disks and pools of other names; removes nothing.
    pub(crate) fn merge(&mut self, more: &Self) {
        for (name, disk) in &more.disks {
            self.disks.entry(name.clone()).or_insert_with(|| disk.clone());
        }
        for (name, pool) in &more.pools {
            match self.pools.get_mut(name) {
                Some(own) => {
                    for (path, properties) in &pool.datasets {
                        own.datasets.entry(path.clone()).or_insert_with(|| properties.clone());
                    }
                }
                None => self.put_pool(name, pool.clone()),
            }
        }
        self.number();
    }

    /// Gives each disk that has none a name of the kernel's.
    fn number(&mut self) {
        let taken: Vec<String> = self.disks.values().map(|disk| disk.node.clone()).collect();
        let mut free = (0..).map(|at: u32| format!("nvme{at}n1")).filter(|name| !taken.contains(name));
        for disk in self.disks.values_mut().filter(|disk| disk.node.is_empty()) {
            disk.node = free.next().unwrap_or_default();
        }
    }
}

impl Disk {
    /// Returns a disk of a size that nothing is on.
    pub fn empty(bytes: u64) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Returns what the kernel calls a partition of it, counted from 0.
    pub(crate) fn part(&self, at: usize) -> String {
        let ends_in_number = self.node.ends_with(|last: char| last.is_ascii_digit());
        let between = if ends_in_number { "p" } else { "" };
        format!("{}{between}{}", self.node, at + 1)
    }

    /// Tells whether nothing is on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.holds.is_none() && self.table.is_none() && self.parts.is_empty()
    }
}
