//! The feature `portainer-stacks`: environments and compose stacks of a Portainer server, by its API and from inside its
//! own guest; and the resource that it is a feature of, which stands on the server and on every guest that runs a stack.

mod compose;
pub mod config;
mod manager;
mod plan;
mod spec;
mod state;

pub use config::Config;
pub use manager::Stacks;
pub use plan::feature;
pub use spec::StacksSpec;
