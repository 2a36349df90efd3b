//! What the user wants of a node's network interfaces.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Requirement, Resource, ResourceId, Stage, object::Values};
use serde::{Deserialize, Serialize};

/// The interfaces of a node that shall be there. Others stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The node.
    pub node: String,
    /// The properties of each in PVE's words, `type` among them; an empty one shall not be there.
    pub interfaces: BTreeMap<String, Values>,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

impl Resource for NetworkSpec {
    const KIND: &'static str = "network";

    fn id(&self) -> ResourceId {
        ResourceId::new(Self::KIND, &self.node)
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Create)
    }

    fn is_apart(&self) -> bool {
        true
    }
}
