//! What the user wants of a storage.

use std::collections::BTreeSet;

use phoenix_core::{
    Requirement, Resource, ResourceId, Stage,
    object::{Secrets, Values},
};
use serde::{Deserialize, Serialize};

/// A storage as Proxmox VE defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSpec {
    /// Its id.
    pub name: String,
    /// The node that has the record of it.
    pub node: String,
    /// Its properties in PVE's words, `type` among them; an empty one shall not be there.
    pub values: Values,
    /// Those that are secrets: told when it is made, and never read back.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub secrets: Secrets,
    /// One that is there and is not Phoenix's is taken over.
    #[serde(default)]
    pub adopt: bool,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

impl Resource for StorageSpec {
    const KIND: &'static str = "storage";

    fn id(&self) -> ResourceId {
        ResourceId::new(Self::KIND, &self.name)
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Create)
    }

    fn is_apart(&self) -> bool {
        true
    }
}
