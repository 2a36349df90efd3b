//! A resource: the spec of one thing that a manager looks after.

use std::{fmt::Debug, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    claim::Claim,
    diagnostic::Diagnostic,
    guest::GuestSpec,
    id::{ResourceId, Site},
    layer::LayerId,
};

/// What the user wants of one thing.
pub trait Resource: Serialize + DeserializeOwned + Debug + Send + Sync + 'static {
    /// The word before the slash of its ids.
    const KIND: &'static str;

    /// Returns its id; always the same for the same spec.
    fn id(&self) -> ResourceId;

    /// Returns the resources that must be there before it, and for which part of its life.
    fn requires(&self) -> Vec<Requirement>;

    /// Returns the site that its features live in, if it has one: a guest is its own.
    fn site(&self) -> Option<Site> {
        self.id().guest().map(Site::Guest)
    }

    /// Returns the resource that it is a part of for whoever names that one: they are converged together.
    fn attached_to(&self) -> Option<ResourceId> {
        None
    }

    /// Returns the resources that go first where a plan is about them too; it does not need them.
    fn follows(&self) -> Vec<ResourceId> {
        Vec::new()
    }

    /// Tells whether it is planned only where it is named: a request for everything leaves it out.
    fn is_apart(&self) -> bool {
        false
    }

    /// Returns what it is as a guest, if it is one.
    fn as_guest(&self) -> Option<&GuestSpec> {
        None
    }

    /// Takes in what a feature needs. Says so if it cannot be had, as nothing can of what is no guest; `by` is the feature's
    /// name.
    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        Err(claim.refused(&self.id(), by))
    }

    /// Returns what a clone of it inherits, if it is something that others can stand on.
    fn layer(&self) -> Option<LayerSource> {
        None
    }

    /// Takes in what the planner worked out about its place in the hierarchy of layers.
    fn stamp(&mut self, stamp: Stamp) {
        let _ = stamp;
    }
}

/// One thing that must be there before another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Requirement {
    /// What.
    pub id: ResourceId,
    /// Before which part of the requiring resource's life it must be complete.
    pub stage: Stage,
}

impl Requirement {
    /// Returns that all of these must be there before one part of a life.
    pub fn all<'a>(ids: impl IntoIterator<Item = &'a ResourceId>, stage: Stage) -> Vec<Self> {
        ids.into_iter().map(|id| Self { id: id.clone(), stage }).collect()
    }
}

/// The part of a life for which a requirement is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// To be made from it: a clone's source.
    Create,
    /// To be started: a service that it uses.
    Start,
}

/// What a clone inherits.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSource {
    /// The layer below.
    pub parent: Option<ResourceId>,
    /// What of the spec a clone inherits.
    pub content: Value,
}

/// What the planner worked out about a resource's place in the hierarchy of layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The identity that its layer should have.
    pub layer: LayerId,
    /// The identity that the layer below should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<LayerId>,
    /// The identity of its features with their configuration; none if it has no feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<LayerId>,
    /// The spec of the guest that it is cloned from, claims included: what a fresh clone has inherited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_spec: Option<Arc<Value>>,
}
