//! The artifacts that a site has instead of those that features pin, handed to the features that install them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    artifact::{Artifact, Artifacts},
    diagnostic::{Diagnostic, Diagnostics},
    feature::Descriptor,
    registry::Registry,
};

/// Returns a configuration with the artifacts that the site has for the feature; what the user wrote there stays.
pub(super) fn chosen(config: &Value, descriptor: &Descriptor, artifacts: &Artifacts) -> Value {
    let mut config = config.clone();
    let chosen: BTreeMap<&str, Artifact> = descriptor
        .artifacts
        .iter()
        .map(|pinned| (pinned.name.as_str(), artifacts.choose(pinned)))
        .filter(|(name, chosen)| {
            descriptor.artifacts.iter().all(|pinned| pinned.name != *name || pinned != chosen)
        })
        .collect();
    if let (Some(keys), false) = (config.as_object_mut(), chosen.is_empty()) {
        let own = keys.entry("artifacts").or_insert_with(|| Value::Object(Map::new()));
        for (name, artifact) in chosen {
            if let Some(own) = own.as_object_mut().filter(|own| !own.contains_key(name)) {
                own.insert(
                    name.to_owned(),
                    serde_json::to_value(artifact).expect("an artifact has text keys"),
                );
            }
        }
    }
    config
}

/// Returns an error for each artifact that the site replaces and no feature installs.
pub(super) fn unknown(registry: &Registry, artifacts: &Artifacts) -> Diagnostics {
    let names: Vec<&str> = registry
        .features()
        .flat_map(|feature| &feature.descriptor().artifacts)
        .map(|artifact| artifact.name.as_str())
        .collect();
    let unknown = artifacts.replaced.keys().filter(|name| !names.contains(&name.as_str()));
    unknown
        .map(|name| {
            Diagnostic::error("unknown-artifact", format!("no feature installs the artifact `{name}`"))
                .with_hint(format!("the artifacts are {}", names.join(", ")))
        })
        .collect()
}
