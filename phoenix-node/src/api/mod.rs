//! PVE's API: the schema, the routes, and a module for each branch of the tree. Handlers are plain functions of the
//! state and the checked parameters; what takes time becomes a task.

pub(crate) mod access;
mod acme;
mod args;
mod backup;
mod bulk;
mod caller;
mod clone;
mod cluster;
mod cluster_log;
mod configure;
mod corosync;
mod cpu_models;
mod create;
mod datacenter;
mod firewall;
mod folder;
mod guest;
mod guests;
mod ha;
mod indexes;
mod jobs;
mod mapping;
mod metrics;
mod node;
mod notifications;
mod permit;
mod pools;
mod power;
pub(crate) mod reply;
mod resources;
mod router;
pub(crate) mod schema;
mod sdn;
mod snapshot;
mod storage;
mod tasks;

pub(crate) use args::Args;
pub(crate) use caller::Caller;
pub(crate) use router::{Asked, Call, checked, is_public, route};
pub(crate) use schema::{Given, gather};
pub(crate) use storage::upload::Uploaded;
