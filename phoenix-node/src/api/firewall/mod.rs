//! The firewall of the cluster, of nodes, guests and virtual networks: the same calls at each level. The level is read
//! off the call's path.

mod aliases;
mod groups;
mod ipsets;
pub(crate) mod macros;
mod options;
mod refs;
mod rules;
mod verify;

use serde_json::Value;

use crate::{
    api::{Call, reply::Refusal, router::Routes},
    state::firewall::{Firewall, Firewalls},
};

/// The calls of the modules below.
pub(crate) const ROUTES: &[Routes] =
    &[aliases::ROUTES, groups::ROUTES, ipsets::ROUTES, options::ROUTES, refs::ROUTES, rules::ROUTES];

/// Whose firewall a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Cluster,
    Node(String),
    Guest(u32),
    Vnet(String),
}

impl Level {
    fn of(call: &Call<'_>) -> Self {
        if call.args.get("vmid").is_some() {
            Self::Guest(call.args.vmid("vmid"))
        } else if let Some(vnet) = call.args.get("vnet") {
            Self::Vnet(vnet.to_owned())
        } else if call.args.get("node").is_some() {
            Self::Node(call.node())
        } else {
            Self::Cluster
        }
    }

    /// Returns the firewall; an empty one where nothing was ever set.
    fn read(&self, all: &Firewalls) -> Firewall {
        match self {
            Self::Cluster => Some(&all.cluster),
            Self::Node(node) => all.nodes.get(node),
            Self::Guest(vmid) => all.guests.get(vmid),
            Self::Vnet(vnet) => all.vnets.get(vnet),
        }
        .cloned()
        .unwrap_or_default()
    }

    fn write<'a>(&self, all: &'a mut Firewalls) -> &'a mut Firewall {
        match self {
            Self::Cluster => &mut all.cluster,
            Self::Node(node) => all.nodes.entry(node.clone()).or_default(),
            Self::Guest(vmid) => all.guests.entry(*vmid).or_default(),
            Self::Vnet(vnet) => all.vnets.entry(vnet.clone()).or_default(),
        }
    }
}

/// Refuses a change whose digest is not that of what it would change.
pub(in crate::api) fn assert_unchanged(call: &Call<'_>, digest: &str) -> Result<(), Refusal> {
    match call.args.get("digest") {
        Some(seen) if seen != digest => Err(Refusal::failed(CHANGED)),
        Some(_) | None => Ok(()),
    }
}

/// What PVE says when somebody else was faster.
pub(in crate::api) const CHANGED: &str =
    "detected modified configuration - file changed by other user? Try again.";

/// Returns a comment, if there is one to keep.
fn comment(call: &Call<'_>) -> Option<String> {
    call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Adds a value under a key if there is one.
fn put_some(row: &mut serde_json::Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        row.insert(key.to_owned(), value.into());
    }
}
