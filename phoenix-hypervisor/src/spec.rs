//! What the user wants of a host.

use std::collections::BTreeSet;

use phoenix_core::{Claim, Diagnostic, Requirement, Resource, ResourceId, Site, Stage};
use serde::{Deserialize, Serialize};

/// A part of what a node shall have. Software is all that there is to want of it, so its features say everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// The name of the node.
    pub node: String,
    /// Which part.
    #[serde(default)]
    pub part: Part,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

/// A part of what a node shall have. There are three: what makes a machine a host, what guests stand on, and what stands on
/// guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What makes it a host at all: packages, disks, drivers, shares. It is asked for by itself, for it can need a reboot.
    Setup,
    /// What guests need before they start: names, directories, exports.
    #[default]
    Ground,
    /// What it has of guests: the root of their authority, the renewal of their certificates.
    Crown,
}

impl HostSpec {
    /// Returns the id of a part of a node.
    pub fn id_of(node: &str, part: Part) -> ResourceId {
        match part {
            Part::Setup => ResourceId::new(Self::KIND, &format!("{node}/setup")),
            Part::Ground => ResourceId::new(Self::KIND, node),
            Part::Crown => ResourceId::new(Self::KIND, &format!("{node}/crown")),
        }
    }
}

impl Resource for HostSpec {
    const KIND: &'static str = "host";

    fn id(&self) -> ResourceId {
        Self::id_of(&self.node, self.part)
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Start)
    }

    fn site(&self) -> Option<Site> {
        Some(Site::Host(self.node.as_str().into()))
    }

    fn follows(&self) -> Vec<ResourceId> {
        match self.part {
            Part::Setup => Vec::new(),
            Part::Ground | Part::Crown => vec![Self::id_of(&self.node, Part::Setup)],
        }
    }

    fn is_apart(&self) -> bool {
        self.part == Part::Setup
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        let Claim::Guest { guest } = claim else { return Err(claim.refused(&self.id(), by)) };
        self.dependencies.insert(guest.resource());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use phoenix_core::GuestId;
    use serde_json::json;

    use super::*;

    #[test]
    fn both_parts_of_a_node_live_in_it_and_have_ids_of_their_own() {
        let ground: HostSpec = serde_json::from_value(json!({"node": "pve1"})).unwrap();
        let crown: HostSpec = serde_json::from_value(json!({"node": "pve1", "part": "crown"})).unwrap();
        assert_eq!((ground.id().as_str(), crown.id().as_str()), ("host/pve1", "host/pve1/crown"));
        assert_eq!(ground.site(), Some(Site::Host("pve1".into())));
        assert_eq!(ground.site(), crown.site());
        assert_eq!(ground.id().kind(), HostSpec::KIND);
    }

    #[test]
    fn a_host_waits_for_a_guest_and_gives_nothing_else_away() {
        let mut spec = HostSpec { node: "pve1".into(), part: Part::Crown, dependencies: BTreeSet::new() };
        spec.accept(&Claim::Guest { guest: GuestId::lxc(103) }, "trusted-ca").unwrap();
        assert_eq!(spec.requires()[0].id.as_str(), "lxc/103");
        let refused = spec.accept(&Claim::Memory { mib: 1 }, "vllm").unwrap_err();
        assert_eq!(&*refused.code, "claim-refused");
    }
}
