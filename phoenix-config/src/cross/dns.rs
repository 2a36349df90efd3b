//! DNS: who is asked for names must know them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Check, name::address};
use crate::{
    lower::canonical_feature,
    model::{Entry, Guest, HYPERVISOR_FILE, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    let net = check.host.addresses.first().and_then(|address| address.parse::<IpNet>().ok());
    let serves = check.model.hypervisor.dns_server.as_ref().is_some_and(|server| server.enabled);
    for (index, server) in check.host.nameservers.iter().enumerate() {
        let Ok(server) = server.parse::<IpAddr>() else { continue };
        let spot = Spot::new(HYPERVISOR_FILE, format!("/network/interfaces/dns_nameservers/{index}"));
        if let Some(guest) =
            check.guests.iter().find(|guest| address(guest) == Some(server) && !serves_dns(guest))
        {
            let message = format!(
                "the host asks `{server}` for names, but {} (`{}`) serves no DNS",
                guest.id, guest.name
            );
            let own =
                net.map_or_else(|| "the host's own address".to_owned(), |net| format!("`{}`", net.addr()));
            check.warning(
                &spot,
                "no-dns-server",
                message,
                format!("write {own}, where the host's DNS server is"),
            );
        }
    }
    let Some(net) = net.filter(|_| serves) else { return };
    let uses_host = check.host.nameservers.first().is_some_and(|first| first.parse() == Ok(net.addr()));
    let mut silent: Vec<&Guest<'_>> = Vec::new();
    for guest in check.guests {
        let servers = servers(check, guest);
        if servers.is_empty() && !uses_host && !guest.networks.is_empty() {
            silent.push(guest);
        }
        if let Some((server, spot)) = servers.first()
            && server.parse::<IpAddr>().is_ok_and(|server| !net.contains(&server))
        {
            let message =
                format!("`{}` asks `{server}` for names, which knows none of the internal ones", guest.name);
            check.warning(
                spot,
                "outside-nameserver",
                message,
                format!("write `{}`, the host's DNS server", net.addr()),
            );
        }
    }
    for guest in silent {
        let message = format!(
            "`{}` names no DNS server and so gets the host's, of which the first is not the host itself",
            guest.name
        );
        let hint = format!("write `\"nameservers\": [\"{}\"]`", net.addr());
        check.warning(&guest.spot, "no-nameserver", message, hint);
    }
}

fn serves_dns(guest: &Guest<'_>) -> bool {
    let tells = |text: &str| {
        ["dns", "coredns", "bind", "unbound"].iter().any(|word| text.to_lowercase().contains(word))
    };
    guest.features.iter().any(|feature| tells(&canonical_feature(feature.name()))) || tells(guest.name)
}

fn servers(check: &Check<'_>, guest: &Guest<'_>) -> Vec<(String, Spot)> {
    let (own, defaults) = match guest.entry {
        Entry::Lxc(lxc) => (
            &lxc.nameservers,
            check.model.lxc.lxc_defaults.as_ref().map(|defaults| defaults.nameservers.clone()),
        ),
        Entry::Vm(vm) => (
            &vm.nameservers,
            check.model.vm.vm_defaults.as_ref().map(|defaults| defaults.nameservers.clone()),
        ),
    };
    if !own.is_empty() {
        let at = |index: usize| guest.spot.at(&format!("nameservers/{index}"));
        return own.iter().enumerate().map(|(index, server)| (server.clone(), at(index))).collect();
    }
    for (network, spot) in &guest.networks {
        for (key, text) in [("nameservers", &network.nameservers), ("nameserver", &network.nameserver)] {
            if let Some(text) = text {
                return text
                    .split([' ', ',', ';'])
                    .filter(|part| !part.is_empty())
                    .map(|part| (part.to_owned(), spot.at(key)))
                    .collect();
            }
        }
    }
    let defaults = defaults.unwrap_or_default();
    defaults.into_iter().map(|server| (server, guest.spot.clone())).collect()
}
