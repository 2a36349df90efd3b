//! The heart of Phoenix: the words (spec, probe, facts, claim, action, step, plan), the traits that managers and
//! features implement, the pure planner, and the engine that gathers, executes and converges through two ports.
//!
//! Everything outside [`engine`] is a function of values.

pub mod action;
pub mod artifact;
pub mod capability;
pub mod claim;
pub mod condition;
pub mod content;
pub mod desired;
pub mod diagnostic;
pub mod draft;
pub mod earlier;
pub mod engine;
pub mod evidence;
pub mod facts;
pub mod feature;
pub mod firewall;
mod goal;
pub mod graph;
pub mod guest;
pub mod id;
pub mod layer;
pub mod lifecycle;
pub mod manager;
pub mod marker;
pub mod network;
pub mod object;
pub mod path;
pub mod plan;
pub mod planner;
pub mod port;
pub mod probe;
pub mod problem;
pub mod property;
pub mod recipe;
pub mod registry;
pub mod render;
pub mod resource;
pub mod secret;

pub use action::{Action, UnitGoal};
pub use artifact::Artifact;
pub use capability::Capabilities;
pub use claim::Claim;
pub use condition::{Condition, Expect};
pub use content::Content;
pub use desired::{Declared, Desired, FeatureUse};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use draft::Draft;
pub use evidence::Evidence;
pub use facts::Facts;
pub use feature::{Descriptor, Feature, TypedFeature};
pub use firewall::FirewallScope;
pub use graph::Graph;
pub use guest::{CloneMode, Power};
pub use id::{GuestId, GuestKind, ResourceId, Site, StepId, Vmid};
pub use layer::LayerId;
pub use lifecycle::Lifecycle;
pub use manager::Manager;
pub use network::Network;
pub use object::{ObjectChange, ObjectKind, Objects};
pub use plan::{Change, Phase, Plan, Step};
pub use port::{Backend, BackendError, Demand, ErrorKind, Lock, Reader};
pub use probe::Probe;
pub use problem::Problems;
pub use recipe::Recipe;
pub use registry::Registry;
pub use resource::{Requirement, Resource, Stage, Stamp};
pub use secret::SecretRef;

pub use async_trait::async_trait;
