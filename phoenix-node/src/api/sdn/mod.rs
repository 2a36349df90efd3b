//! Software-defined networks: what is configured waits until it is applied.

mod addresses;
mod apply;
mod controllers;
mod fabrics;
mod pending;
mod services;
mod subnets;
mod vnets;
mod zones;

use crate::api::{Call, reply::Refusal, router::Routes};

/// The calls of the modules below.
pub(crate) const ROUTES: &[Routes] = &[
    addresses::ROUTES,
    apply::ROUTES,
    controllers::ROUTES,
    fabrics::ROUTES,
    services::ROUTES,
    subnets::ROUTES,
    vnets::ROUTES,
    zones::ROUTES,
];

/// Refuses a change while somebody else holds the lock.
fn assert_lock(call: &Call<'_>) -> Result<(), Refusal> {
    let given = call.args.get("lock-token");
    match (&call.state.cluster.sdn.lock, given) {
        (None, None) => Ok(()),
        (Some(token), Some(given)) if token == given => Ok(()),
        (None, Some(_)) => Err(Refusal::failed("invalid lock token provided")),
        (Some(_), Some(_)) => Err(Refusal::failed("invalid lock token provided")),
        (Some(_), None) => Err(Refusal::failed(
            "SDN configuration is currently locked by another process, no lock token provided",
        )),
    }
}
