//! Evidence: the answer to one probe.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    firewall::{FirewallNames, FirewallState},
    id::{GuestId, Vmid},
    object::Objects,
};

/// An answer. Which variant answers which probe stands at [`Probe`](crate::Probe).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "kebab-case")]
pub enum Evidence {
    /// The thing asked about is not there.
    Absent,
    /// The site cannot be asked now (a stopped guest, for instance).
    Unreachable {
        /// Why, for a sentence.
        reason: String,
    },
    /// The nodes of the cluster.
    Nodes {
        /// A row each, sorted by name.
        rows: Vec<NodeRow>,
    },
    /// The guests of the cluster, by vmid.
    Guests {
        /// A row each.
        rows: BTreeMap<Vmid, GuestRow>,
    },
    /// The storages, by name.
    Storages {
        /// A row each.
        rows: BTreeMap<String, StorageRow>,
    },
    /// Volumes of one storage.
    Volumes {
        /// A row each, sorted by volid.
        rows: Vec<VolumeRow>,
    },
    /// A guest's configuration.
    Config(GuestConfig),
    /// A guest's snapshots, oldest first, without `current`.
    Snapshots {
        /// A row each.
        rows: Vec<SnapshotRow>,
    },
    /// A firewall's options and rules.
    Firewall(FirewallState),
    /// What the rules of a firewall can name.
    FirewallNames(FirewallNames),
    /// The objects of a list.
    Objects(Objects),
    /// A file or directory.
    File(FileState),
    /// An installed package.
    Package {
        /// Its version.
        version: String,
    },
    /// A systemd unit that is known to systemd.
    Unit {
        /// It runs, or has run to its end successfully if it is a oneshot.
        active: bool,
        /// It starts at boot.
        enabled: bool,
        /// Of the files that were asked about, those that are newer than its last start or reload.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        stale: BTreeSet<String>,
    },
    /// A user account.
    User {
        /// Its number.
        uid: u32,
        /// Its login shell.
        shell: String,
        /// Its home directory.
        home: String,
        /// The groups that it is in, its own left out.
        groups: BTreeSet<String>,
    },
    /// What a command said.
    Output {
        /// Its exit status.
        status: i32,
        /// Its standard output.
        stdout: String,
        /// Its standard error.
        stderr: String,
    },
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// It answers.
    pub online: bool,
    /// Logical CPUs.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
}

/// What the listing says of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRow {
    /// Kind and vmid.
    pub guest: GuestId,
    /// The node that it is on.
    pub node: String,
    /// Its name, if one is known.
    pub name: Option<String>,
    /// It runs.
    pub running: bool,
    /// It is a template.
    pub template: bool,
    /// What locks it, for instance `create`, `clone`, `disk`, `snapshot`.
    pub lock: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// The UPID of a task that works on it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// A storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRow {
    /// PVE's type: `dir`, `zfspool`, `lvmthin`, …
    pub plugin: String,
    /// What it may hold: `images`, `rootdir`, `vztmpl`, `iso`, …
    pub content: BTreeSet<String>,
    /// It can be used now.
    pub active: bool,
    /// It is seen by every node.
    pub shared: bool,
    /// Bytes in all.
    pub total: u64,
    /// Bytes free.
    pub free: u64,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRow {
    /// `storage:content/name` or `storage:name`.
    pub volid: String,
    /// What it is: `vztmpl`, `iso`, `images`, `import`, …
    pub content: String,
    /// Bytes.
    pub size: u64,
}

/// A guest's configuration as its `config` call gives it: one text per key, `digest` apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestConfig {
    /// The digest to send with a write.
    pub digest: String,
    /// Everything else. Numbers and booleans in their text form. Raw `lxc.*` lines are under `lxc`, a line each.
    pub values: BTreeMap<String, String>,
    /// Keys whose change waits for the next start.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pending: BTreeSet<String>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// Its name.
    pub name: String,
    /// The snapshot before it.
    pub parent: Option<String>,
    /// Its description.
    pub description: String,
}

/// A file or directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// It is a directory.
    pub directory: bool,
    /// The SHA-256 of the content, lower-case hex; empty for a directory.
    pub sha256: String,
    /// Permission bits, for instance 0o644.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// Where it points, if it is a symbolic link (the rest then describes its target, if there is one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The content, if it is UTF-8 text of at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
