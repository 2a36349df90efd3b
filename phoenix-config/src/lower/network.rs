//! Network interfaces, with what the host gives where the guest says nothing.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_core::{Diagnostic, GuestKind, guest::Nic};

use super::Context;
use crate::{
    format::network::Network,
    model::{Entry, Guest, Spot},
};

/// Returns the interfaces of a guest.
pub(super) fn nics(context: &mut Context<'_>, guest: &Guest<'_>) -> Vec<Nic> {
    guest
        .networks
        .iter()
        .enumerate()
        .map(|(index, (network, spot))| nic(context, guest, index, network, spot))
        .collect()
}

fn nic(context: &mut Context<'_>, guest: &Guest<'_>, index: usize, network: &Network, spot: &Spot) -> Nic {
    let (mac, default_bridge) = match guest.entry {
        Entry::Lxc(lxc) => {
            let defaults = context.model.lxc.lxc_defaults.as_ref();
            (lxc.mac_address.clone(), defaults.and_then(|defaults| defaults.bridge.clone()))
        }
        Entry::Vm(vm) => {
            let defaults = context.model.vm.vm_defaults.as_ref();
            let bridge = vm.network_bridge.clone();
            (None, bridge.or_else(|| defaults.and_then(|defaults| defaults.network_bridge.clone())))
        }
    };
    let name = match guest.id.kind {
        GuestKind::Lxc => Some(network.name.clone().unwrap_or_else(|| format!("eth{index}"))),
        GuestKind::Vm => None,
    };
    Nic {
        name,
        bridge: network.bridge.clone().or(default_bridge).unwrap_or_else(|| context.host.bridge().to_owned()),
        mac: network.mac.clone().or(mac.filter(|_| index == 0)).map(|mac| mac.to_uppercase()),
        gateway: gateway(context, network, spot, index),
        ip: network.ip.clone(),
        ip6: network.ip6.clone(),
        gateway6: network.gw6.clone(),
        vlan: network.vlan,
        mtu: network.mtu,
        rate: network.rate.clone(),
        firewall: network.firewall.unwrap_or_else(|| guest.firewall.is_some_and(|firewall| firewall.enabled)),
        model: network.model.clone(),
    }
}

/// Returns the gateway of an interface: its own, or the host's for the first interface in the host's network.
fn gateway(context: &mut Context<'_>, network: &Network, spot: &Spot, index: usize) -> Option<String> {
    let net = network.ip.as_deref().and_then(|ip| ip.parse::<IpNet>().ok());
    if let Some(text) = &network.gw {
        let address = text.parse::<IpAddr>().ok();
        let problem = match (net, address, network.ip.as_deref()) {
            (Some(net), Some(address), _) if !net.contains(&address) => Some((
                format!("the gateway `{address}` is outside `{}`", net.trunc()),
                "write one that the guest can reach",
            )),
            (Some(net), Some(address), _) if net.addr() == address => Some((
                format!("the gateway `{address}` is the guest's own address"),
                "write the router's address",
            )),
            (None, Some(_), Some("dhcp")) => {
                Some(("a gateway beside `dhcp`, which brings its own".to_owned(), "remove `gw`"))
            }
            _ => None,
        };
        if let Some((message, hint)) = problem {
            let finding = Diagnostic::error("bad-gateway", message).with_hint(hint);
            context.findings.push(spot.at("gw").put(finding));
        }
        return Some(text.clone());
    }
    let gateway = context.host.gateway.as_deref()?;
    let reaches = net?.contains(&gateway.parse::<IpAddr>().ok()?);
    (index == 0 && reaches).then(|| gateway.to_owned())
}
