//! Weaving: adds to what is desired everything that follows from the network plane. What lives where was said once; the
//! records, routes, certificates, openings and mounts are features and resources like all others, so the planner knows
//! nothing of networks, and whatever is not declared any more is not derived any more.

mod certificates;
mod names;
mod openings;
mod part;
mod routes;
#[cfg(test)]
mod tests;
mod trust;
mod volumes;

use phoenix_core::{Desired, Diagnostic, Diagnostics, GuestId, Network, Registry, network::Service};

pub(crate) use names::leads_to;
use part::Parts;
pub(crate) use trust::TRUSTED;

/// Adds what follows from the network plane as far as the program has features for it, and returns what is wrong with that.
/// Without a network plane, nothing is added.
pub fn weave(registry: &Registry, desired: &mut Desired) -> Diagnostics {
    let Some(network) = desired.network.clone() else { return Diagnostics::new() };
    let mut parts = Parts::new(registry, desired, &network);
    names::weave(&mut parts);
    volumes::weave(&mut parts);
    trust::weave(&mut parts);
    certificates::weave(&mut parts);
    routes::weave(&mut parts);
    openings::weave(&mut parts);
    parts.finish()
}

/// Returns a service's address and port.
fn target(network: &Network, service: &Service) -> Option<String> {
    let address = network.address_of(service.guest)?;
    Some(std::net::SocketAddr::new(address, service.port).to_string())
}

/// Goes through the services that the router passes requests on to.
fn routed(network: &Network) -> impl Iterator<Item = &Service> {
    use phoenix_core::network::Reach;
    let has_router = router(network).is_some();
    network
        .services
        .iter()
        .filter(move |service| has_router && service.reach == Reach::Proxied && service.scheme.is_web())
}

/// Returns the guest that routes, and its address is known.
pub(crate) fn router(network: &Network) -> Option<GuestId> {
    network.publishing.as_ref()?.router.filter(|guest| network.address_of(*guest).is_some())
}

/// Returns the guest that takes what comes from outside.
pub(crate) fn gateway(network: &Network) -> Option<GuestId> {
    network.publishing.as_ref()?.gateway.filter(|guest| network.address_of(*guest).is_some())
}

fn authority(network: &Network) -> Option<GuestId> {
    network.publishing.as_ref()?.authority
}

/// Returns the finding that a guest has no fixed address and something needs one.
fn no_address(network: &Network, guest: GuestId, what: &str) -> Diagnostic {
    let finding =
        Diagnostic::error("no-fixed-address", format!("{what}, but `{guest}` has no fixed address"))
            .with_hint("write its address with prefix length in `networks`, instead of `dhcp`");
    match network.members.get(&guest) {
        Some(member) => member.origin.put(finding),
        None => finding,
    }
}
