//! What the user wants, as the loader hands it to the planner: a spec a resource, not yet decoded by its manager.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{artifact::Artifacts, id::ResourceId, network::Network};

/// Everything that the user wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The resources by id.
    pub resources: BTreeMap<ResourceId, Declared>,
    /// Where artifacts come from.
    #[serde(default)]
    pub artifacts: Artifacts,
    /// The network plane, from which resources and features are derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

/// What the user wants of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// The spec, in the JSON form of its manager's `Spec`.
    pub spec: Value,
    /// The features that it shall have, in the user's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeatureUse>,
    /// The file that declares it, relative to the config directory.
    #[serde(default)]
    pub file: Arc<str>,
    /// The JSON pointer of the declaration in that file.
    #[serde(default)]
    pub path: String,
}

/// One feature in one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureUse {
    /// The feature's name, for instance `base-setup`.
    pub name: String,
    /// Its configuration, in the JSON form of the feature's `Config`; an empty object if none is given.
    pub config: Value,
    /// The JSON pointer of the configuration in the declaring file.
    #[serde(default)]
    pub path: String,
}

impl Declared {
    /// Returns a declaration that comes from no file.
    pub fn new(spec: Value) -> Self {
        Self { spec, features: Vec::new(), file: "".into(), path: String::new() }
    }
}

impl FeatureUse {
    /// Returns the use of a feature that comes from no file.
    pub fn new(name: &str, config: Value) -> Self {
        Self { name: name.to_owned(), config, path: String::new() }
    }
}
