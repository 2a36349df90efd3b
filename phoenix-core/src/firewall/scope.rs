//! A scope: whose firewall it is. Written `cluster`, `node-pve1`, `lxc-101` or `vm-1001`, which is also the name of its
//! resource.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::id::{GuestId, GuestKind, IdError, ResourceId, Vmid};

/// Whose firewall it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirewallScope {
    /// The cluster's: its rules hold for the nodes themselves, its switch for all firewalls.
    Cluster,
    /// A node's own, by the node's name: its rules stand before the cluster's.
    Node(Arc<str>),
    /// A guest's: its rules hold for the network devices of the guest that have `firewall=1`.
    Guest(GuestId),
}

impl FirewallScope {
    /// The kind of the resources that firewalls are.
    pub const KIND: &'static str = "firewall";

    /// Returns the id of the resource that this firewall is.
    pub fn resource(&self) -> ResourceId {
        ResourceId::new(Self::KIND, &self.to_string())
    }

    /// Returns the scope that a resource is the firewall of, if it is one.
    pub fn of_resource(id: &ResourceId) -> Option<Self> {
        (id.kind() == Self::KIND).then(|| id.name().parse().ok()).flatten()
    }

    /// Returns the guest, if it is one's.
    pub fn guest(&self) -> Option<GuestId> {
        match self {
            Self::Guest(guest) => Some(*guest),
            Self::Cluster | Self::Node(_) => None,
        }
    }

    /// Tells whether its rules hold for a node itself: a wrong one can cut off who manages the node.
    pub fn is_of_hosts(&self) -> bool {
        match self {
            Self::Cluster | Self::Node(_) => true,
            Self::Guest(_) => false,
        }
    }
}

impl fmt::Display for FirewallScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster"),
            Self::Node(name) => write!(f, "node-{name}"),
            Self::Guest(guest) => write!(f, "{}-{}", guest.kind.as_str(), guest.vmid),
        }
    }
}

impl FromStr for FirewallScope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wanted = || IdError {
            text: text.to_owned(),
            wanted: "a firewall's scope such as `cluster`, `node-pve1`, `lxc-101` or `vm-1001`",
        };
        let guest = |kind, number: &str| {
            let vmid = number.parse().ok().and_then(Vmid::new).ok_or_else(wanted)?;
            Ok(Self::Guest(GuestId { kind, vmid }))
        };
        match text.split_once('-') {
            None if text == "cluster" => Ok(Self::Cluster),
            Some(("node", name)) if !name.is_empty() => Ok(Self::Node(name.into())),
            Some(("lxc", number)) => guest(GuestKind::Lxc, number),
            Some(("vm", number)) => guest(GuestKind::Vm, number),
            _ => Err(wanted()),
        }
    }
}

impl Serialize for FirewallScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FirewallScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_is_read_back_from_its_resource() {
        for text in ["cluster", "node-pve-1", "lxc-101", "vm-1001"] {
            let scope: FirewallScope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(FirewallScope::of_resource(&scope.resource()), Some(scope));
        }
        for text in ["", "node-", "lxc-7", "lxc/101", "vm-x", "cluster-1"] {
            assert!(text.parse::<FirewallScope>().is_err(), "{text}");
        }
    }
}
