//! Certificates: where TLS ends, there is one, for exactly the names that end there. For what is proxied that is the
//! gateway for those outside and the router for those inside; a service that speaks HTTPS has its own.

use std::{collections::BTreeSet, net::IpAddr};

use phoenix_core::GuestId;
use serde_json::{Value, json};

use super::{authority, gateway, part::Parts, routed, router, trust};
use phoenix_core::network::Scheme;

const FEATURE: &str = "certificate";
const FOLDER: &str = "/etc/phoenix/certificates";
/// What Traefik watches, though not its certificates.
const WATCHED: &str = "/etc/traefik/dynamic/phoenix.yml";

/// A place where TLS ends.
pub(super) struct End {
    guest: GuestId,
    name: &'static str,
    names: BTreeSet<String>,
    more: Value,
}

/// Returns the paths of a certificate and its key.
pub(super) fn paths(name: &str) -> (String, String) {
    (format!("{FOLDER}/{name}.crt"), format!("{FOLDER}/{name}.key"))
}

/// What the certificates are called.
pub(super) const GATEWAY: &str = "gateway";
pub(super) const ROUTER: &str = "router";
pub(super) const SERVICE: &str = "service";

pub(super) fn weave(parts: &mut Parts<'_>) {
    let Some(authority) = authority(parts.network) else { return };
    let hours = parts.network.publishing.as_ref().map_or(0, |publishing| publishing.certificate_hours);
    let able = trust::trusting(parts, authority);
    let mut any = false;
    for End { guest, name, names, more } in ends(parts) {
        if !able.contains(&guest) || names.is_empty() {
            continue;
        }
        any = true;
        // The shortest name first: certificates are called by their first name.
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_by_key(|name| (name.parse::<IpAddr>().is_ok(), name.clone()));
        let mut certificate = json!({ "name": name, "names": names, "lifetime_h": hours });
        if let (Some(certificate), Value::Object(more)) = (certificate.as_object_mut(), more) {
            certificate.extend(more);
        }
        if let Some(mut config) = parts.feature(guest, FEATURE) {
            config.default("authority", json!(authority));
            config.default("root", json!(trust::ROOT));
            config.push("certificates", certificate);
        }
    }
    if any {
        let _ = parts.crown("cert-renewal");
    }
    if let Some(mut config) = parts.feature(authority, "step-ca") {
        config.default("lifetime_h", json!(hours));
    }
}

/// Returns every place where TLS ends, with its names.
pub(super) fn ends(parts: &Parts<'_>) -> Vec<End> {
    let network = parts.network;
    let mut ends = Vec::new();
    if let Some(guest) = router(network) {
        let names = routed(network).flat_map(|service| service.hosts.clone()).collect();
        let more = json!({ "owner": "traefik", "touch": WATCHED });
        ends.push(End { guest, name: ROUTER, names, more });
    }
    if let Some(guest) = gateway(network).filter(|_| router(network).is_some()) {
        let published = routed(network).filter(|service| service.outside);
        let names = published.flat_map(|service| service.hosts.clone()).collect();
        ends.push(End { guest, name: GATEWAY, names, more: json!({ "reload": "nginx.service" }) });
    }
    let own: BTreeSet<GuestId> = network
        .services
        .iter()
        .filter(|service| service.scheme == Scheme::Https && Some(service.guest) != authority(network))
        .map(|service| service.guest)
        .collect();
    for guest in own {
        let services = network
            .services
            .iter()
            .filter(|service| service.guest == guest && service.scheme == Scheme::Https);
        let mut names: BTreeSet<String> = services.flat_map(|service| service.hosts.clone()).collect();
        // The router and others inside come by the guest's own name and address.
        names.extend(network.address_of(guest).map(|address| address.to_string()));
        names.extend(network.members.get(&guest).map(|member| network.name(&member.name.to_lowercase())));
        ends.push(End { guest, name: SERVICE, names, more: json!({}) });
    }
    ends
}
