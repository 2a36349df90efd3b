//! What a new disk shall be.

use serde::{Deserialize, Serialize};

/// The first id on the host of an unprivileged container's ids.
pub const SHIFT: u32 = 100_000;

/// Whose the files of a disk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owners {
    /// Those of the machine, for a privileged container.
    Plain,
    /// Those of the machine from 100000 on, for an unprivileged one.
    Shifted,
}

impl Owners {
    /// Returns the number that root of the container has on the machine.
    pub fn root(self) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Shifted => SHIFT,
        }
    }
}

/// How a storage keeps disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// Layers over an image: what disks have in common is there once.
    Layers,
    /// Directories, each a full copy.
    Directory,
    /// Subvolumes of a btrfs, which share what they have in common. Layers where there is no btrfs.
    Btrfs,
}

/// What a new disk shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDisk {
    /// How it is kept.
    pub kind: DiskKind,
    /// Whose its files are.
    pub owners: Owners,
    /// What it may hold, in bytes; without a limit if it is none.
    pub size: u64,
}

/// A copy of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The disk.
    pub from: String,
    /// As it was at this snapshot; as it is without one.
    pub snapshot: Option<String>,
    /// Whether a container runs on it, so that its top cannot be taken from under it.
    pub in_use: bool,
    /// How the copy is kept.
    pub kind: DiskKind,
    /// What the copy may hold, in bytes.
    pub size: u64,
}
