//! Names: every guest and every service has its record, for those inside and for those outside. A name that would lead to
//! two places is a finding, whoever declares it.

use std::{collections::BTreeMap, net::IpAddr};

use phoenix_core::{
    Diagnostic, Network,
    network::{Origin, Reach, Service},
};
use serde_json::json;

use super::{gateway, no_address, part::Parts, router};

/// The feature that answers.
const FEATURE: &str = "dnsmasq";

/// A name: where it leads inside, and who says so.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) address: IpAddr,
    pub(super) origin: Origin,
    /// What it is, for sentences.
    what: String,
}

pub(super) fn weave(parts: &mut Parts<'_>) {
    let network = parts.network;
    let names = names(parts);
    nameservers(parts);
    let (Some(upstream), Some(listen)) = (&network.upstream, network.address) else { return };
    let records: Vec<_> =
        names.iter().map(|(name, found)| json!({ "name": name, "addresses": [found.address] })).collect();
    let outside = outside(parts);
    let Some(mut config) = parts.ground(FEATURE) else { return };
    config.default("listen", json!([listen]));
    if let Some(domain) = &network.domain {
        config.default("domain", json!(domain));
    }
    config.default("upstream", json!(upstream));
    config.default("manage_resolv_conf", json!(true));
    for record in records {
        config.push("records", record);
    }
    if let Some(outside) = outside {
        config.default("outside", outside);
    }
}

/// Returns every name with its address inside, and reports those that are declared twice.
pub(super) fn names(parts: &mut Parts<'_>) -> BTreeMap<String, Name> {
    let network = parts.network;
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    if let Some(address) = network.address {
        let what = format!("the host `{}`", network.node);
        let origin = network.publishing.as_ref().map(|it| it.origin.clone()).unwrap_or_default();
        names.insert(network.name(&network.node.to_lowercase()), Name { address, origin, what });
    }
    for (guest, member) in &network.members {
        let Some(address) = member.addresses.first() else { continue };
        let what = format!("the host name of `{guest}`");
        let name = Name { address: *address, origin: member.origin.clone(), what };
        add(parts, &mut names, network.name(&member.name.to_lowercase()), name);
    }
    let mut services: BTreeMap<(phoenix_core::GuestId, &str), &Origin> = BTreeMap::new();
    for service in &network.services {
        if services.insert((service.guest, &service.name), &service.origin).is_some() {
            let message = format!("`{}` has two services `{}`", service.guest, service.name);
            let finding = Diagnostic::error("duplicate-service", message).with_hint("give one another name");
            parts.find(&service.origin, finding);
        }
        let Some(address) = leads_to(network, service) else {
            let what = format!("the service `{}` needs an address", service.name);
            parts.report(no_address(network, service.guest, &what));
            continue;
        };
        for host in &service.hosts {
            let what = format!("the service `{}` of `{}`", service.name, service.guest);
            let name = Name { address, origin: service.origin.clone(), what };
            // A service may be called as its own guest is, if that leads to the same place.
            match names.get(host) {
                Some(other) if other.address == address && is_own(network, service, host) => {}
                _ => add(parts, &mut names, host.clone(), name),
            }
        }
    }
    names
}

fn is_own(network: &Network, service: &Service, host: &str) -> bool {
    let member = network.members.get(&service.guest);
    member.is_some_and(|member| network.name(&member.name.to_lowercase()) == host)
}

fn add(parts: &mut Parts<'_>, names: &mut BTreeMap<String, Name>, text: String, name: Name) {
    let Some(first) = names.get(&text) else {
        names.insert(text, name);
        return;
    };
    let message = format!(
        "`{text}` is declared twice: as {}, which is at {}, and as {}, which is at {}",
        first.what, first.address, name.what, name.address
    );
    let finding = Diagnostic::error("name-clash", message).with_hint("give one of them another name");
    parts.find(&name.origin, finding);
}

/// Returns where the names of a service lead inside.
pub(crate) fn leads_to(network: &Network, service: &Service) -> Option<IpAddr> {
    match (service.reach, router(network)) {
        (Reach::Proxied, Some(router)) if service.scheme.is_web() => network.address_of(router),
        _ => network.address_of(service.guest),
    }
}

/// Returns what those outside are told: what is published leads to the gateway.
fn outside(parts: &Parts<'_>) -> Option<serde_json::Value> {
    let network = parts.network;
    gateway(network)?;
    let publishing = network.publishing.as_ref()?;
    let (address, listen) = (publishing.outside_address?, publishing.outside_listen?);
    let published = network.services.iter().filter(|service| service.outside);
    let names: std::collections::BTreeSet<&String> = published.flat_map(|service| &service.hosts).collect();
    let records: Vec<_> = names.iter().map(|name| json!({ "name": name, "addresses": [address] })).collect();
    Some(json!({ "listen": [listen], "records": records }))
}

/// Has guests that name no server ask the host.
fn nameservers(parts: &mut Parts<'_>) {
    let network = parts.network;
    let (Some(_), Some(address)) = (&network.upstream, network.address) else { return };
    for guest in network.members.keys() {
        let Some(spec) = parts.spec(*guest).and_then(|spec| spec.get_mut("guest")?.as_object_mut()) else {
            continue;
        };
        let servers = spec.entry("nameservers").or_insert_with(|| json!([]));
        if servers.as_array().is_some_and(Vec::is_empty) {
            *servers = json!([address]);
        }
        if let Some(domain) = &network.domain
            && spec.get("search_domain").is_none_or(serde_json::Value::is_null)
        {
            spec.insert("search_domain".to_owned(), json!(domain));
        }
    }
}
