//! Tests of the manager of virtual machines.

mod life;
mod refusals;
mod specs;
#[path = "../../../phoenix-lxc/tests/it/world.rs"]
mod world;
