//! The artifacts that a site has instead of those that features pin, handed to the features that install them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    artifact::{Artifact, Artifacts},
    desired::Desired,
    diagnostic::{Diagnostic, Diagnostics},
    feature::Feature,
    registry::Registry,
};

/// Returns a configuration with the artifacts that the site has for the feature; what the user wrote there stays.
pub(super) fn chosen(config: &Value, feature: &dyn Feature, artifacts: &Artifacts) -> Value {
    let mut config = config.clone();
    let all = feature.artifacts(&config);
    let chosen: BTreeMap<&str, Artifact> = all
        .iter()
        .map(|pinned| (pinned.name.as_str(), artifacts.choose(pinned)))
        .filter(|(name, chosen)| all.iter().all(|pinned| pinned.name != *name || pinned != chosen))
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
pub(super) fn unknown(registry: &Registry, desired: &Desired) -> Diagnostics {
    if desired.artifacts.replaced.is_empty() {
        return Diagnostics::new();
    }
    let of_all = registry.features().flat_map(|feature| feature.descriptor().artifacts.clone());
    let uses = desired.resources.values().flat_map(|declared| &declared.features);
    let of_uses = uses.filter_map(|one| Some(registry.feature(&one.name)?.artifacts(&one.config))).flatten();
    let names: BTreeSet<String> = of_all.chain(of_uses).map(|artifact| artifact.name).collect();
    let unknown = desired.artifacts.replaced.keys().filter(|name| !names.contains(*name));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    unknown
        .map(|name| {
            Diagnostic::error("unknown-artifact", format!("no feature installs the artifact `{name}`"))
                .with_hint(format!("the artifacts are {}", names.join(", ")))
        })
        .collect()
}
