//! Artifacts that several features install: features know nothing of each other, so each has its own pin of them.

use std::collections::BTreeMap;

use phoenix_core::Artifact;
use phoenix_tests::lab::Lab;

#[test]
fn an_artifact_is_the_same_whichever_feature_installs_it() {
    let registry = Lab::new().registry;
    let mut pins: BTreeMap<&str, (&str, &Artifact)> = BTreeMap::new();
    let mut shared = Vec::new();
    for feature in registry.features() {
        let about = feature.descriptor();
        for artifact in &about.artifacts {
            if let Some((first, pinned)) = pins.insert(&artifact.name, (&about.name, artifact)) {
                assert_eq!(pinned, artifact, "`{first}` and `{}` differ", about.name);
                shared.push(artifact.name.as_str());
            }
        }
    }
    assert_eq!(shared, ["step-cli"], "what is pinned twice");
}
