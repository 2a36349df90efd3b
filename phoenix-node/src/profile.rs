//! Profiles: the states in which a node can be begun afresh.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    disks::Disks,
    gpus::Gpus,
    options::{NodeSeed, StorageSeed},
};

/// A state to begin afresh in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Phoenix's own: a roomy node that gains what the configuration names.
    Default,
    /// The one in which the records of a real Proxmox VE begin: node `pve1`, storages `local` (a directory) and `btr`
    /// (btrfs), two OS templates, bridges `vmbr0` and `vmbr1`. A configuration adds nothing to it.
    Truth,
}

/// The files of the two OS templates that the recorded node had, with their sizes in bytes.
const TEMPLATES: &[(&str, u64)] = &[
    ("local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz", 878_564),
    ("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", 41_325_301),
];
/// The recorded node's password of `root@pam`.
const PASSWORD: &str = "secret123";
/// The recorded node's memory in bytes.
const MEMORY: u64 = 25_276_510_208;
/// The recorded node's disk in bytes.
const DISK: u64 = 270_553_174_016;

impl Profile {
    /// Returns the profile of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::Default),
            "truth" => Some(Self::Truth),
            _ => None,
        }
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Truth => "truth",
        }
    }

    /// Returns what such a node starts with.
    pub fn seed(self) -> NodeSeed {
        match self {
            Self::Default => NodeSeed::default(),
            Self::Truth => {
                let mut local = StorageSeed::new(
                    "local",
                    "dir",
                    &["backup", "images", "iso", "rootdir", "snippets", "vztmpl"],
                    DISK,
                );
                local.volumes = TEMPLATES.iter().map(|&(name, size)| (name.to_owned(), size)).collect();
                let btr = StorageSeed::new(
                    "btr",
                    "btrfs",
                    &["backup", "images", "iso", "rootdir", "vztmpl"],
                    8 << 30,
                );
                NodeSeed {
                    name: "pve1".to_owned(),
                    cores: 2,
                    memory: MEMORY,
                    storages: vec![local, btr],
                    bridges: BTreeSet::from(["vmbr0".to_owned(), "vmbr1".to_owned()]),
                    uplink: None,
                    disks: Disks::default(),
                    gpus: Gpus::default(),
                    keeps_driver: false,
                    mappings: BTreeMap::new(),
                    is_complete: true,
                    password: Some(PASSWORD.to_owned()),
                }
            }
        }
    }
}
