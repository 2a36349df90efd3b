//! The resource whose feature the stacks are: it stands on the guest of Portainer's server and on those of its agents,
//! which themselves may stand on the server.

use std::collections::BTreeSet;

use phoenix_core::{Claim, Diagnostic, GuestId, Requirement, Resource, ResourceId, Site, Stage};
use serde::{Deserialize, Serialize};

/// The stacks of a Portainer server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StacksSpec {
    /// Their name: that of what they are for, `production`.
    pub name: String,
    /// The guest of the server.
    pub server: GuestId,
    /// The guests of its agents.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<GuestId>,
}

impl Resource for StacksSpec {
    const KIND: &'static str = "stacks";

    fn id(&self) -> ResourceId {
        ResourceId::new(Self::KIND, &self.name)
    }

    fn requires(&self) -> Vec<Requirement> {
        let guests = std::iter::once(&self.server).chain(&self.agents);
        guests.map(|guest| Requirement { id: guest.resource(), stage: Stage::Start }).collect()
    }

    fn site(&self) -> Option<Site> {
        Some(Site::Guest(self.server))
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        let Claim::Guest { guest } = claim else { return Err(claim.refused(&self.id(), by)) };
        self.agents.insert(*guest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stacks_live_at_their_server_and_stand_on_every_guest_of_theirs() {
        let value = json!({"name": "production", "server": "vm/1001", "agents": ["vm/1002"]});
        let mut spec: StacksSpec = serde_json::from_value(value).unwrap();
        assert_eq!((spec.id().as_str(), spec.site()), ("stacks/production", Some(Site::Guest(spec.server))));
        spec.accept(&Claim::Guest { guest: GuestId::lxc(103) }, "x").unwrap();
        let required: Vec<String> = spec.requires().iter().map(|one| one.id.to_string()).collect();
        assert_eq!(required, ["vm/1001", "lxc/103", "vm/1002"]);
        assert_eq!(&*spec.accept(&Claim::Nesting, "docker").unwrap_err().code, "claim-refused");
    }
}
