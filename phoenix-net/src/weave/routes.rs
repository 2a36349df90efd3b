//! Routes: the router has one for each service, and the gateway hands everything that is published to the router.

use std::collections::BTreeMap;

use phoenix_core::{
    Diagnostic,
    network::{Reach, Scheme},
};
use serde_json::{Value, json};

use super::{authority, certificates, gateway, no_address, part::Parts, routed, router, target, trust};

/// The ports that requests come in by.
const PLAIN: u16 = 80;
const SECURE: u16 = 443;

pub(super) fn weave(parts: &mut Parts<'_>) {
    of_router(parts);
    of_gateway(parts);
    portainer(parts);
}

fn of_router(parts: &mut Parts<'_>) {
    let network = parts.network;
    let Some(router) = router(network) else {
        if let Some(named) = network.publishing.as_ref().and_then(|publishing| publishing.router) {
            parts.report(no_address(network, named, "the router is reached by its address"));
        }
        return;
    };
    let has_tls = authority(network).is_some();
    let mut routes: BTreeMap<String, Value> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, &phoenix_core::network::Origin> = BTreeMap::new();
    for service in routed(network) {
        if by_name.insert(&service.name, &service.origin).is_some() {
            let message = format!("there are two routed services `{}`", service.name);
            parts.find(
                &service.origin,
                Diagnostic::error("duplicate-service", message).with_hint("give one of them another name"),
            );
            continue;
        }
        let Some(to) = target(network, service) else { continue };
        let server = format!("{}://{to}", service.scheme.as_str());
        let route = |entrypoint: &str, tls: bool| json!({ "hosts": service.hosts, "servers": [server], "entrypoints": [entrypoint], "tls": tls });
        routes.insert(service.name.clone(), route("web", false));
        if has_tls {
            routes.insert(format!("{}-tls", service.name), route("websecure", true));
        }
    }
    let is_trusting = routed(network).any(|service| service.scheme == Scheme::Https);
    let trusted = gateway(network).and_then(|gateway| network.address_of(gateway));
    let Some(mut config) = parts.feature(router, "traefik") else { return };
    let mut entrypoints = BTreeMap::from([("web".to_owned(), json!(PLAIN))]);
    if has_tls {
        entrypoints.insert("websecure".to_owned(), json!(SECURE));
    }
    config.extend("entrypoints", entrypoints);
    let any = !routes.is_empty();
    config.extend("routes", routes);
    if has_tls && any {
        let (certificate, key) = certificates::paths(certificates::ROUTER);
        config.push("certificates", json!({ "certificate": certificate, "key": key }));
    }
    if is_trusting && has_tls {
        config.push("trusted_roots", json!(trust::TRUSTED));
    }
    if let Some(gateway) = trusted {
        config.push("trusted_proxies", json!(gateway));
    }
}

fn of_gateway(parts: &mut Parts<'_>) {
    let network = parts.network;
    let Some(gateway) = gateway(network) else {
        if let Some(named) = network.publishing.as_ref().and_then(|publishing| publishing.gateway) {
            parts.report(no_address(network, named, "the gateway is reached by its address"));
        }
        return;
    };
    let has_tls = authority(network).is_some();
    let published: Vec<_> = routed(network).filter(|service| service.outside).collect();
    let names: std::collections::BTreeSet<&String> =
        published.iter().flat_map(|service| &service.hosts).collect();
    let mut streams = Vec::new();
    for service in network.services.iter().filter(|service| service.outside && !service.scheme.is_web()) {
        if let Some(to) = target(network, service) {
            let is_udp = service.scheme == Scheme::Udp;
            streams.push(json!({ "port": service.port, "to": to, "udp": is_udp }));
        }
    }
    for service in network.services.iter().filter(|service| service.outside && service.reach == Reach::Direct)
    {
        if service.scheme.is_web() {
            let message =
                format!("the service `{}` is direct, so nobody outside can be led to it", service.name);
            let finding = Diagnostic::error("direct-outside", message)
                .with_hint("write `\"reach\": \"proxied\"`, or take `outside` out");
            parts.find(&service.origin, finding);
        }
    }
    let to = router(network).and_then(|router| network.address_of(router));
    let Some(mut config) = parts.feature(gateway, "nginx") else { return };
    if let Some(router) = to.filter(|_| !names.is_empty()) {
        let to = std::net::SocketAddr::new(router, PLAIN);
        let mut site =
            json!({ "server_names": names, "locations": [{ "path": "/", "proxy": format!("http://{to}") }] });
        if has_tls {
            let (certificate, key) = certificates::paths(certificates::GATEWAY);
            site["tls"] = json!({ "certificate": certificate, "key": key });
        }
        config.push("sites", site);
    }
    for stream in streams {
        config.push("streams", stream);
    }
}

/// Portainer's server shows the certificate of its guest, if the service is declared.
fn portainer(parts: &mut Parts<'_>) {
    let network = parts.network;
    if authority(network).is_none() {
        return;
    }
    let served: Vec<_> = network
        .services
        .iter()
        .filter(|service| service.scheme == Scheme::Https && parts.has_feature(service.guest, "portainer"))
        .map(|service| service.guest)
        .collect();
    for guest in served {
        let (certificate, key) = certificates::paths(certificates::SERVICE);
        if let Some(mut config) = parts.feature(guest, "portainer")
            && config.get("role").and_then(Value::as_str) == Some("server")
        {
            config.default("tls", json!({ "certificate": certificate, "key": key }));
        }
    }
}
