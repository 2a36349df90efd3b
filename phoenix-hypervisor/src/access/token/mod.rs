//! The manager of API tokens. Their secrets are told once, so they go into files of a node.

mod observed;
mod plan;
mod spec;

pub use observed::{Kept, Observed};
pub use plan::Tokens;
pub use spec::TokenSpec;
