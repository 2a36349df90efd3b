//! What the user writes for `nfs-server`.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use ipnet::IpNet;
use phoenix_core::{Problems, path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of `nfs-server`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address of the host that it answers at.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The directories.
    #[serde(default)]
    pub exports: Vec<Export>,
    /// Who serves: the kernel, or a program where the kernel cannot. By what the host has, if not given.
    #[serde(default)]
    pub server: Option<Server>,
}

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// The kernel (`nfs-kernel-server`).
    Kernel,
    /// The program `ganesha.nfsd` (`nfs-ganesha`).
    Ganesha,
}

/// A directory of the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The absolute path.
    pub path: String,
    /// Who may mount it.
    pub clients: Vec<Client>,
}

/// Who may mount a directory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its address, or the network that all who may are in, for instance `10.0.0.0/24`.
    #[schemars(with = "String")]
    pub address: Peer,
    /// Nothing can be written.
    #[serde(default)]
    pub read_only: bool,
    /// Its root is root here too. Not so unless it is said: whoever is root in the guest could then own every file.
    #[serde(default)]
    pub no_root_squash: bool,
}

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer(IpNet);

impl TryFrom<String> for Peer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.into()));
        }
        text.parse::<IpNet>().map(|net| Self(net.trunc())).map_err(|_| {
            format!("`{text}` is neither an IP address nor a network: invalid IP address syntax")
        })
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        if self.address.is_unspecified() || self.address.is_multicast() {
            let message = format!("`{}` is no address of the host", self.address);
            problems.refuse("/address", message, "name the address that guests know the host by");
        }
        let mut paths = BTreeSet::new();
        for (at, export) in self.exports.iter().enumerate() {
            let pointer = format!("/exports/{at}");
            if !path::is_plain(&export.path) {
                let message = format!("`{}` is no absolute path of plain letters", export.path);
                problems.add(format!("{pointer}/path"), message);
            } else if !paths.insert(&export.path) {
                let message = format!("the directory `{}` is exported twice", export.path);
                problems.refuse(format!("{pointer}/path"), message, "name all its clients in one place");
            }
            if export.clients.is_empty() {
                let message = format!("nobody may mount `{}`", export.path);
                problems.add(format!("{pointer}/clients"), message);
            }
            let mut addresses = BTreeSet::new();
            for (index, client) in export.clients.iter().enumerate() {
                let pointer = format!("{pointer}/clients/{index}/address");
                // A network without a prefix is everybody, and so is the address that stands for all.
                if client.address.0.addr().is_unspecified() {
                    problems.add(pointer, format!("`{}` would be everybody", client.address));
                } else if !addresses.insert(client.address) {
                    problems.add(pointer, format!("the client `{}` is there twice", client.address));
                }
            }
        }
        problems
    }
}
