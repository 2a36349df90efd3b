//! What is declared of each kind.

use std::collections::BTreeSet;

use phoenix_core::{ObjectKind, Requirement, Resource, ResourceId, Stage};
use serde::{Deserialize, Serialize};

/// The names that the configuration declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventorySpec {
    /// The node that has the records.
    pub node: String,
    /// The storages.
    #[serde(default)]
    pub storages: BTreeSet<String>,
    /// The users.
    #[serde(default)]
    pub users: BTreeSet<String>,
    /// The groups.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// The roles.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// The API tokens.
    #[serde(default)]
    pub tokens: BTreeSet<String>,
    /// What comes before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

impl InventorySpec {
    /// Returns the id of the inventory of a node.
    pub fn id_of(node: &str) -> ResourceId {
        ResourceId::new(Self::KIND, node)
    }

    /// Tells whether an object is declared.
    pub(crate) fn declares(&self, of: &ObjectKind, name: &str) -> bool {
        match of {
            ObjectKind::Storage => self.storages.contains(name),
            ObjectKind::User => self.users.contains(name),
            ObjectKind::Group => self.groups.contains(name),
            ObjectKind::Role => self.roles.contains(name),
            ObjectKind::Token => self.tokens.contains(name),
            ObjectKind::Acl | ObjectKind::Interface { .. } | ObjectKind::Volume { .. } => true,
        }
    }
}

impl Resource for InventorySpec {
    const KIND: &'static str = "inventory";

    fn id(&self) -> ResourceId {
        Self::id_of(&self.node)
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Create)
    }

    fn is_apart(&self) -> bool {
        true
    }
}
