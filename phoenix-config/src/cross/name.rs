//! Names: a host name must lead to one address, whoever derives it.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use phoenix_core::GuestKind;

use super::Check;
use crate::{
    lower::canonical_feature,
    model::{Guest, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    let domain = check.host.domain.clone().unwrap_or_else(|| "localdomain".to_owned());
    let own: BTreeMap<String, (u32, Option<IpAddr>)> = check
        .guests
        .iter()
        .map(|guest| (guest.name.to_lowercase(), (guest.id.vmid.0, address(guest))))
        .collect();
    let gateway = gateway(check.guests);
    let mut routed: BTreeMap<String, (u32, Spot)> = BTreeMap::new();
    for guest in check.guests {
        let Some(service) = guest.traefik else { continue };
        let spot = guest.spot.at("traefik_service/name");
        let name = service.name.to_lowercase();
        if let Some((other, first)) = routed.get(&name) {
            let message = format!("the route `{name}.{domain}` is that of {other} too");
            let hint = format!("{} has it first; choose another name", check.line(first));
            check.error(&spot, "duplicate-route", message, hint);
            continue;
        }
        // The route of a container leads straight to it; that of a virtual machine leads through the gateway.
        let (way, target) = match guest.id.kind {
            GuestKind::Lxc => ("as a route to the container", Some((guest.id.vmid.0, address(guest)))),
            GuestKind::Vm => ("as a route through the gateway", gateway),
        };
        if let (Some((vmid, address)), Some((by, target))) = (own.get(&name), target)
            && *vmid != by
        {
            let (direct, routed) = (shown(*address), shown(target));
            let message = format!(
                "`{name}.{domain}` leads to two addresses: {direct}, as the host name of {vmid}, and {routed}, {way}"
            );
            check.error(&spot, "name-clash", message, "give the guest or the route another name");
        }
        routed.insert(name, (guest.id.vmid.0, spot));
    }
}

/// Returns the guest that all routes lead through.
fn gateway(guests: &[Guest<'_>]) -> Option<(u32, Option<IpAddr>)> {
    let is_nginx = |guest: &&Guest<'_>| {
        guest.traefik.is_some_and(|service| service.name == "nginx")
            || guest.features.iter().any(|feature| canonical_feature(feature.name()) == "nginx")
            || guest.name.to_lowercase().starts_with("nginx-")
    };
    let is_traefik = |guest: &&Guest<'_>| {
        guest.features.iter().any(|feature| canonical_feature(feature.name()) == "traefik")
    };
    guests
        .iter()
        .filter(|guest| !guest.is_template)
        .find(is_nginx)
        .or_else(|| guests.iter().find(is_traefik))
        .map(|guest| (guest.id.vmid.0, address(guest)))
}

/// Returns the first static address of a guest.
pub(super) fn address(guest: &Guest<'_>) -> Option<IpAddr> {
    guest
        .networks
        .iter()
        .find_map(|(network, _)| network.ip.as_deref()?.parse::<IpNet>().ok())
        .map(|net| net.addr())
}

fn shown(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "an address from DHCP".to_owned(), |address| address.to_string())
}
