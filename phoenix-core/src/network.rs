//! The network plane as it is declared: each name, service, rule and volume once, where it lives. What follows from it
//! (records, routes, certificates, openings) is derived, so nothing of it can disagree.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    diagnostic::Diagnostic,
    id::{GuestId, ResourceId},
};

/// The network plane of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The name of the node.
    pub node: String,
    /// The address of the node in the network of the guests.
    pub address: Option<IpAddr>,
    /// The network of the guests, for instance `10.0.0.0/24`.
    pub net: Option<String>,
    /// The domain of all names.
    pub domain: Option<String>,
    /// The servers that are asked for names outside the domain; none if the host serves no names.
    pub upstream: Option<Vec<IpAddr>>,
    /// How services are published; none if they are not.
    pub publishing: Option<Publishing>,
    /// The guests, templates left out.
    pub members: BTreeMap<GuestId, Member>,
    /// The services.
    pub services: Vec<Service>,
    /// What the firewall shall let through beyond what services need.
    pub firewall: Firewall,
    /// Directories of the host that guests share.
    pub volumes: Vec<Volume>,
}

/// A place in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The file, relative to the config directory.
    pub file: Arc<str>,
    /// The JSON pointer in it.
    pub path: String,
}

/// How services are published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishing {
    /// Where it is declared.
    pub origin: Origin,
    /// The guest that takes what comes from outside.
    pub gateway: Option<GuestId>,
    /// The guest that routes by host name.
    pub router: Option<GuestId>,
    /// The guest that the certificate authority lives in.
    pub authority: Option<GuestId>,
    /// The address at which the outside reaches the gateway.
    pub outside_address: Option<IpAddr>,
    /// The address of the host at which those outside ask for names.
    pub outside_listen: Option<IpAddr>,
    /// The addresses and networks from which the host is administered.
    pub management: Vec<String>,
    /// How long certificates are good, in hours.
    pub certificate_hours: u32,
}

/// A guest as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it is declared.
    pub origin: Origin,
    /// Its host name.
    pub name: String,
    /// Its fixed addresses.
    pub addresses: Vec<IpAddr>,
    /// The names of its features.
    pub features: Vec<String>,
}

/// A service of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Where it is declared.
    pub origin: Origin,
    /// Its name.
    pub name: String,
    /// The guest that has it.
    pub guest: GuestId,
    /// The port that it listens on there.
    pub port: u16,
    /// The names that it is reached by, in full; the first is its own.
    pub hosts: Vec<String>,
    /// What it speaks.
    pub scheme: Scheme,
    /// How clients come to it.
    pub reach: Reach,
    /// Clients outside reach it too, through the gateway.
    pub outside: bool,
    /// Who may come straight to it beside the router: addresses, networks or guests; the network of the guests if it is
    /// reached directly and nobody is named.
    pub from: Vec<Client>,
    /// A path that answers while it is well.
    pub health: String,
}

/// Who comes to a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// A guest.
    Guest(GuestId),
    /// An address or network.
    Net(String),
}

/// What a service speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP in clear.
    #[default]
    Http,
    /// HTTP with TLS, by a certificate of the lab's own authority.
    Https,
    /// Connections that nobody looks into.
    Tcp,
    /// Datagrams that nobody looks into.
    Udp,
}

/// How clients come to a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Its names lead to the router, which ends TLS and passes requests on.
    #[default]
    Proxied,
    /// Its names lead to its guest.
    Direct,
}

/// What the firewall shall do beyond what services need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Where that of the cluster is declared.
    pub origin: Origin,
    /// It is switched on; none if it is not spoken of.
    pub enabled: Option<bool>,
    /// What happens to packets to the host that no rule matches; `DROP` if not given.
    pub policy_in: Option<String>,
    /// What happens to packets from the host that no rule matches; `ACCEPT` if not given.
    pub policy_out: Option<String>,
    /// Rules of the cluster.
    pub rules: Vec<Rule>,
    /// Rules of the guests whose firewall is switched on.
    pub guests: BTreeMap<GuestId, Vec<Rule>>,
}

/// A rule of a firewall, in Proxmox VE's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Where it is declared.
    pub origin: Origin,
    /// `in` or `out`.
    pub direction: String,
    /// `ACCEPT`, `DROP` or `REJECT`.
    pub action: String,
    /// The protocol; any if not given.
    pub proto: Option<String>,
    /// Where packets come from; anywhere if not given.
    pub source: Option<String>,
    /// Where packets go; anywhere if not given.
    pub dest: Option<String>,
    /// The ports; any if not given.
    pub dport: Option<String>,
    /// What it is for.
    pub comment: Option<String>,
}

/// A directory of the host that guests share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Where it is declared.
    pub origin: Origin,
    /// Its name.
    pub name: String,
    /// The absolute path on the host.
    pub path: String,
    /// The owner and his group, as guests number them. If nobody is named, it is given to root when it is made, and is the
    /// guests' own to give away from then on.
    pub owner: Option<(u32, u32)>,
    /// Permission bits.
    pub mode: u32,
    /// The guests that have it, each with the absolute path inside.
    pub mounts: BTreeMap<GuestId, Mount>,
}

/// A volume in a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The absolute path inside.
    pub target: String,
    /// Nothing can be written.
    pub read_only: bool,
    /// The guest numbers users as the host does: a virtual machine, or a privileged container.
    pub plain_ids: bool,
}

impl Origin {
    /// Puts a diagnostic at this place.
    pub fn put(&self, diagnostic: Diagnostic) -> Diagnostic {
        if self.file.is_empty() { diagnostic } else { diagnostic.at_path(&self.file, self.path.clone()) }
    }
}

impl Network {
    /// Returns the first fixed address of a guest.
    pub fn address_of(&self, guest: GuestId) -> Option<IpAddr> {
        self.members.get(&guest)?.addresses.first().copied()
    }

    /// Returns a name of the domain.
    pub fn name(&self, label: &str) -> String {
        match &self.domain {
            Some(domain) => format!("{label}.{domain}"),
            None => label.to_owned(),
        }
    }

    /// Returns the resource of what guests stand on.
    pub fn ground(&self) -> ResourceId {
        ResourceId::new("host", &self.node)
    }
}

impl Scheme {
    /// Returns its word in addresses of the web.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Tells whether requests can be routed by host name.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}
