//! Jobs: backups, replication, synchronisation of realms, and when a schedule comes round.

mod backup;
mod included;
mod realm_sync;
mod replication;
mod schedule;

use crate::api::router::Routes;

/// The calls of the modules below.
pub(crate) const ROUTES: &[Routes] =
    &[backup::ROUTES, included::ROUTES, realm_sync::ROUTES, replication::ROUTES, schedule::ROUTES];
