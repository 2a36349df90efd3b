//! What a virtual machine shall be.

use std::collections::BTreeMap;

/// A virtual machine on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Processors.
    pub cores: u32,
    /// Its disks; it boots from the first.
    pub drives: Vec<Drive>,
    /// Its network cards.
    pub cards: Vec<Card>,
    /// What cloud-init in it reads, if it is told something.
    pub seed: Option<Seed>,
}

/// A disk of a virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The place that it is in: `scsi0`.
    pub slot: String,
    /// The name of the disk.
    pub id: String,
    /// Its size in bytes, if it has to be made.
    pub size: u64,
}

/// A network card of a virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number: `net0` is 0.
    pub index: u32,
    /// Its hardware address.
    pub mac: Option<String>,
    /// The bridge that it hangs on.
    pub bridge: Option<String>,
}

/// What cloud-init reads, by the names of the files of its `NoCloud` source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// `meta-data`, `user-data`, `network-config`, and what stands in each.
    pub files: BTreeMap<&'static str, String>,
}
