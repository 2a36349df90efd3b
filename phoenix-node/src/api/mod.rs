//! PVE's API: the routes, and a module for each branch of the tree. Handlers are plain functions of the state and
//! the parameters; what takes time becomes a task.

mod args;
mod clone;
mod cluster;
mod configure;
mod create;
mod formats;
mod guest;
mod guests;
mod power;
pub(crate) mod reply;
mod router;
mod schema;
mod snapshot;
mod storage;
mod tasks;

pub(crate) use args::Args;
pub(crate) use router::{Call, route};
pub(crate) use schema::{Kind, Spec, may, must};
