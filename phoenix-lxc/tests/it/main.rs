//! Tests of the manager of containers.

mod changes;
mod claims;
mod fresh;
mod life;
mod refusals;
mod specs;
mod world;
