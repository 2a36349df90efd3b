//! What a firewall shall hold. Its JSON form is the `spec` of the resource `firewall/SCOPE`:
//!
//! ```json
//! {
//!   "scope": "lxc-101",
//!   "options": { "enable": "1", "policy_in": "DROP" },
//!   "rules": [
//!     { "key": "https", "direction": "in", "action": "ACCEPT", "proto": "tcp", "dport": "443",
//!       "source": "10.0.0.0/24", "comment": "service web" },
//!     { "direction": "group", "action": "monitoring" }
//!   ],
//!   "aliases": { "gateway": { "cidr": "10.0.0.153", "comment": "nginx" } },
//!   "ipsets": { "clients": { "entries": ["10.0.0.0/24", "!10.0.0.99"] } },
//!   "management": { "sources": ["10.0.0.0/24"], "ports": [22, 8006] }
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use phoenix_core::{
    FirewallScope, Requirement, Resource, ResourceId, Stage,
    firewall::{AddressSet, Alias, Rule},
};
use serde::{Deserialize, Serialize};

/// What a firewall shall hold. What it does not name stays as it is: options, and the rules of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirewallSpec {
    /// Whose firewall: `cluster`, `node-NAME`, `lxc-VMID` or `vm-VMID`.
    pub scope: FirewallScope,
    /// Options to set, in PVE's words; a switch is `0` or `1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Phoenix's rules, in their order. None takes away those that it has made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleSpec>,
    /// Names for addresses. A node has none of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Alias>,
    /// Sets of addresses. A node has none of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ipsets: BTreeMap<String, AddressSet>,
    /// Who must still reach the nodes: for the cluster and for nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// What the rule is known by, whatever else of it changes: lower-case letters, digits, `-`, `_` and `.`. Without one
    /// it is known by what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which way the packets go.
    pub direction: Direction,
    /// `ACCEPT`, `DROP` or `REJECT`; the group's name for the direction `group`.
    pub action: String,
    /// One of PVE's macros.
    #[serde(rename = "macro", default, skip_serializing_if = "Option::is_none")]
    pub macro_name: Option<String>,
    /// The protocol; any if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto: Option<String>,
    /// Where from: addresses, networks, a range, an alias, or a set (`+name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where to, as `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dest: Option<String>,
    /// Ports that they go to: one, several with commas, a range with a colon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<String>,
    /// Ports that they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<String>,
    /// The network device: `net0` of a guest, `vmbr0` of a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iface: Option<String>,
    /// What of it is logged: `nolog`, `info`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// It is in force.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enable: bool,
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the guest or node.
    In,
    /// From the guest or node.
    Out,
    /// Through the node, for instance between guests and the world.
    Forward,
    /// As the rules of a security group say, whose name is the action.
    Group,
}

/// Who must still reach the nodes when a firewall is as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Management {
    /// The networks that nodes are managed from. A single address may stand without its length.
    #[serde(deserialize_with = "networks")]
    pub sources: BTreeSet<IpNet>,
    /// The TCP ports that they need: ssh and the API if not given.
    #[serde(default = "management_ports")]
    pub ports: BTreeSet<u16>,
    /// The addresses of the nodes that are meant: a rule with a destination counts only if it covers them all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "networks")]
    pub addresses: BTreeSet<IpNet>,
}

impl Resource for FirewallSpec {
    const KIND: &'static str = FirewallScope::KIND;

    fn id(&self) -> ResourceId {
        self.scope.resource()
    }

    fn requires(&self) -> Vec<Requirement> {
        let guest = self.scope.guest();
        guest.map(|guest| Requirement { id: guest.resource(), stage: Stage::Create }).into_iter().collect()
    }

    fn attached_to(&self) -> Option<ResourceId> {
        self.scope.guest().map(|guest| guest.resource())
    }
}

impl FirewallSpec {
    /// Returns the spec of a firewall of which nothing is wanted.
    pub fn nothing(scope: FirewallScope) -> Self {
        Self {
            scope,
            options: BTreeMap::new(),
            rules: Vec::new(),
            aliases: BTreeMap::new(),
            ipsets: BTreeMap::new(),
            management: None,
        }
    }
}

impl RuleSpec {
    /// Returns the rule in PVE's words, without a mark.
    pub fn values(&self) -> Rule {
        let texts = [
            ("type", Some(self.direction.as_str())),
            ("action", Some(&*self.action)),
            ("enable", Some(if self.enable { "1" } else { "0" })),
            ("macro", self.macro_name.as_deref()),
            ("proto", self.proto.as_deref()),
            ("source", self.source.as_deref()),
            ("dest", self.dest.as_deref()),
            ("dport", self.dport.as_deref()),
            ("sport", self.sport.as_deref()),
            ("iface", self.iface.as_deref()),
            ("log", self.log.as_deref()),
            ("comment", self.comment.as_deref()),
        ];
        let set = texts.into_iter().filter_map(|(key, text)| Some((key, text?.trim())));
        set.filter(|(_, text)| !text.is_empty())
            .map(|(key, text)| (key.to_owned(), text.to_owned()))
            .collect()
    }
}

impl Direction {
    /// Returns PVE's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Forward => "forward",
            Self::Group => "group",
        }
    }
}

fn yes() -> bool {
    true
}

fn is_true(flag: &bool) -> bool {
    *flag
}

fn management_ports() -> BTreeSet<u16> {
    [22, 8006].into()
}

fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<IpNet>, D::Error> {
    let texts = BTreeSet::<String>::deserialize(deserializer)?;
    let network = |text: String| {
        let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| single()).map_err(|_| {
            serde::de::Error::custom(format!("`{text}` is no address or network such as `10.0.0.0/24`"))
        })
    };
    texts.into_iter().map(network).collect()
}
