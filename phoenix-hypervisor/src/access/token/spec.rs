//! What the user wants of an API token.

use std::collections::BTreeSet;

use phoenix_core::{Requirement, Resource, ResourceId, Stage, object::Values};
use serde::{Deserialize, Serialize};

/// An API token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// `name@realm!token`.
    pub name: String,
    /// The node that has the file.
    pub node: String,
    /// The file that the secret is written to, as `name@realm!token=secret`; only root reads it.
    pub file: String,
    /// Its properties in PVE's words.
    #[serde(default)]
    pub values: Values,
    /// One whose file is gone gets a new secret.
    #[serde(default)]
    pub renew: bool,
    /// One that is there and is not Phoenix's is taken over, with a new secret.
    #[serde(default)]
    pub adopt: bool,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

impl Resource for TokenSpec {
    const KIND: &'static str = "token";

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
