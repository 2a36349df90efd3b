//! High availability. Nothing here moves guests: the manager of a cluster of one node stands by.

mod groups;
mod resources;
mod rules;
mod status;

use crate::api::router::Routes;

/// The calls of the modules below.
pub(crate) const ROUTES: &[Routes] = &[groups::ROUTES, resources::ROUTES, rules::ROUTES, status::ROUTES];
