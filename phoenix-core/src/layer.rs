//! A layer: what a clone inherits from the guest it is cloned from. Its identity is a hash over its parent's
//! identity, what of its spec a clone inherits, and its features; so a change anywhere below shows everywhere above.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{desired::FeatureUse, id::ResourceId, resource::LayerSource};

/// The identity of a layer: the first 16 hex digits of a SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerId(pub String);

impl LayerId {
    /// Returns the identity of a JSON value. Keys are sorted by `serde_json`, so equal values have one identity.
    pub fn of(value: &Value) -> Self {
        let digest = Sha256::digest(value.to_string().as_bytes());
        Self(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Returns the identity of a list of features with their configuration; none for an empty list. Their order in the
/// file is no part of it: what is installed does not depend on it.
pub fn features_id(features: &[FeatureUse]) -> Option<LayerId> {
    let by_name: BTreeMap<&str, &Value> =
        features.iter().map(|feature| (feature.name.as_str(), &feature.config)).collect();
    (!by_name.is_empty()).then(|| LayerId::of(&json!(by_name)))
}

/// Returns the identity of the layer with this content and these features on the layer of identity `base`.
pub fn identity(base: Option<&str>, content: &Value, features: Option<&LayerId>) -> LayerId {
    LayerId::of(&json!({ "base": base, "content": content, "features": features }))
}

/// Returns the identity of every resource that has a layer. A parent that is not among the sources counts by its id
/// alone. Cycles are the planner's to report; a member of one gets no identity.
pub fn identities(
    sources: &BTreeMap<ResourceId, (LayerSource, Option<LayerId>)>,
) -> BTreeMap<ResourceId, LayerId> {
    let mut done = BTreeMap::new();
    for start in sources.keys() {
        // Walk down to a layer that is done or has no parent here, then back up; chains are short, stacks are not.
        let mut chain = vec![start];
        while let Some((source, _)) = chain.last().and_then(|last| sources.get(*last)) {
            match &source.parent {
                Some(parent)
                    if sources.contains_key(parent)
                        && !done.contains_key(parent)
                        && !chain.contains(&parent) =>
                {
                    chain.push(parent);
                }
                _ => break,
            }
        }
        for id in chain.into_iter().rev() {
            let Some((source, features)) = sources.get(id) else { continue };
            let base = source.parent.as_ref().map(|parent| match done.get(parent) {
                Some(LayerId(identity)) => identity.clone(),
                None => parent.to_string(),
            });
            let identity = identity(base.as_deref(), &source.content, features.as_ref());
            done.entry(id.clone()).or_insert(identity);
        }
    }
    done
}
