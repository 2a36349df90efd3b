//! A feature as files write it: its name, or an object with its name and configuration.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A feature: `"base-setup"` or `{ "name": "base-setup", "timezone": "Europe/Berlin" }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum FeatureEntry {
    /// The name alone.
    Name(String),
    /// The name and its configuration.
    Configured(ConfiguredFeature),
}

/// A feature with its configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct ConfiguredFeature {
    /// The feature's name, for instance `base-setup`.
    pub(crate) name: String,
    /// Everything else is handed to the feature; `phoenix explain NAME` shows what it knows.
    #[serde(flatten)]
    pub(crate) config: Map<String, Value>,
}

impl FeatureEntry {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Configured(feature) => &feature.name,
        }
    }
}
