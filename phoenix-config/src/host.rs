//! The host as the configuration describes it: what defaults come from, and what the embedded node is seeded with.

use std::collections::BTreeMap;

use phoenix_core::SecretRef;
use serde::{Deserialize, Serialize};

use crate::{
    format::certificate::Certificate,
    format::firewall::{Rule, Verdict},
};

/// The host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The name of the node.
    pub node: String,
    /// The domain of all guests.
    pub domain: Option<String>,
    /// The time zone.
    pub timezone: Option<String>,
    /// Its addresses with prefix length.
    pub addresses: Vec<String>,
    /// Its gateway.
    pub gateway: Option<String>,
    /// Its DNS servers.
    pub nameservers: Vec<String>,
    /// Its bridges; the first is the default.
    pub bridges: Vec<String>,
    /// Its storages by declaration, without `local`.
    pub storages: Vec<StorageDecl>,
    /// Its pools of ZFS, as far as their disks are named.
    pub pools: Vec<PoolDecl>,
    /// The indexes of its GPUs, as far as guests name them.
    pub gpus: Vec<u32>,
    /// The version of its NVIDIA driver, if the files declare one: then it has GPUs.
    pub gpu_driver: Option<String>,
    /// The files say where that driver is had: `phoenix setup` installs it.
    pub installs_driver: bool,
    /// The PCI devices that virtual machines name: addresses, and names of mappings.
    pub pci: Vec<String>,
    /// Its administrators.
    pub users: Vec<HostUser>,
    /// The storage of OS templates.
    pub os_template_storage: String,
    /// The storage of cloud images.
    pub image_storage: String,
    /// What later releases apply.
    pub services: Services,
}

/// A storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageDecl {
    /// Its id.
    pub name: String,
    /// Its plugin: `zfspool`, `dir`, …
    pub plugin: String,
    /// What it may hold.
    pub content: Vec<String>,
    /// Its size in bytes, if the configuration limits it.
    pub total_bytes: Option<u64>,
    /// The pool that it stands on.
    pub pool: Option<String>,
    /// The path that it is mounted at on the host, for `dir` storages and datasets.
    pub path: Option<String>,
    /// How Proxmox VE defines it, in its words; none if it is only known to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<BTreeMap<String, String>>,
    /// One that is there and is not Phoenix's is taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    /// Where it is declared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
}

/// A pool of ZFS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolDecl {
    /// Its name.
    pub name: String,
    /// How its disks stand together, in the word of `zpool`; none for one after the other.
    pub layout: Option<String>,
    /// Its disks, by their paths under `/dev/disk/by-id`.
    pub disks: Vec<String>,
    /// Its usable size in bytes, if it can be told.
    pub bytes: Option<u64>,
    /// Its file systems, each with what limits it.
    pub datasets: BTreeMap<String, Option<u64>>,
}

/// An administrator of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostUser {
    /// The login name.
    pub name: String,
    /// It may use sudo.
    pub sudo: bool,
    /// Public keys that may log in.
    pub ssh_keys: Vec<String>,
    /// Where the hash of the password is.
    pub password_hash: Option<SecretRef>,
}

/// What the configuration says beyond guests: checked now, applied by later releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// Routes of the reverse proxy by guest.
    pub routes: BTreeMap<u32, Route>,
    /// Firewall rules by guest; those of the cluster are under 0.
    pub firewall: BTreeMap<u32, Vec<Rule>>,
    /// The cluster's verdict on incoming packets that no rule matches.
    pub input_policy: Option<Verdict>,
    /// The cluster's verdict on outgoing packets that no rule matches.
    pub output_policy: Option<Verdict>,
    /// Directories that the host exports.
    pub exports: Vec<NfsExport>,
    /// Stacks by the virtual machine that runs them.
    pub stacks: BTreeMap<u32, Vec<String>>,
    /// NFS mounts by guest.
    pub nfs: BTreeMap<u32, Vec<NfsMount>>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Where the password of Portainer's administrator is.
    pub portainer_password: Option<SecretRef>,
}

/// A route of the reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The published host name.
    pub host: String,
    /// The port on the guest.
    pub port: u32,
}

/// A directory that the host exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NfsExport {
    /// The directory.
    pub path: String,
    /// Addresses or networks that may mount it.
    pub clients: Vec<String>,
    /// Export options.
    pub options: Vec<String>,
}

/// A directory of an NFS server inside a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NfsMount {
    /// The server's address.
    pub server: String,
    /// The exported path.
    pub path: String,
    /// The absolute path inside.
    pub target: String,
}

impl Host {
    /// The name of the node if the configuration gives none.
    pub const DEFAULT_NODE: &'static str = "phoenix";
    /// The bridge if the configuration gives none.
    pub const DEFAULT_BRIDGE: &'static str = "vmbr0";

    /// Returns the storage of that id, if it is declared.
    pub fn storage(&self, name: &str) -> Option<&StorageDecl> {
        self.storages.iter().find(|storage| storage.name == name)
    }

    /// Returns the bridge of interfaces that name none.
    pub fn bridge(&self) -> &str {
        self.bridges.first().map_or(Self::DEFAULT_BRIDGE, String::as_str)
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            node: Self::DEFAULT_NODE.to_owned(),
            domain: None,
            timezone: None,
            addresses: Vec::new(),
            gateway: None,
            nameservers: Vec::new(),
            bridges: vec![Self::DEFAULT_BRIDGE.to_owned()],
            storages: Vec::new(),
            pools: Vec::new(),
            gpus: Vec::new(),
            gpu_driver: None,
            installs_driver: false,
            pci: Vec::new(),
            users: Vec::new(),
            os_template_storage: "local".to_owned(),
            image_storage: "local".to_owned(),
            services: Services::default(),
        }
    }
}
