//! The network plane: how requests come from outside to the services, who has certificates from whom, who asks for names,
//! and which directories are shared.

use std::collections::BTreeSet;

use super::{Graph, Stroke};
use crate::{
    id::{GuestId, GuestKind},
    network::{Client, Network, Reach, Scheme, Service},
};

const OUTSIDE: usize = 0;
const HOST: usize = 1;
const CONTAINERS: usize = 2;
const MACHINES: usize = 3;
const SERVICES: usize = 4;

/// Draws it.
pub(super) fn draw(network: &Network) -> Graph {
    let groups = ["outside", "host", "containers", "virtual machines", "services"];
    let mut graph = Graph::new("Network plane", &groups);
    let shown = shown(network);
    let publishing = network.publishing.as_ref();
    let part = |part: Option<GuestId>| part.filter(|guest| shown.contains(guest));
    let gateway = part(publishing.and_then(|it| it.gateway));
    let router = part(publishing.and_then(|it| it.router));
    let authority = part(publishing.and_then(|it| it.authority));

    for guest in &shown {
        let member = &network.members[guest];
        let role = match Some(*guest) {
            it if it == gateway => ", gateway",
            it if it == router => ", router",
            it if it == authority => ", authority",
            _ => "",
        };
        let address = member.addresses.first().map_or_else(String::new, |address| format!(" ({address})"));
        let group = match guest.kind {
            GuestKind::Lxc => CONTAINERS,
            GuestKind::Vm => MACHINES,
        };
        graph.node(guest.to_string(), format!("{}: {}{role}{address}", guest.vmid, member.name), Some(group));
    }
    if let Some(gateway) = gateway {
        graph.node("internet", "Internet", Some(OUTSIDE));
        graph.edge("internet", gateway.to_string(), "HTTPS 443", Stroke::Solid);
        if let Some(router) = router {
            graph.edge(gateway.to_string(), router.to_string(), "HTTP 80", Stroke::Solid);
        }
    }
    for service in &network.services {
        of_service(&mut graph, service, gateway, router);
    }
    if let Some(authority) = authority {
        for guest in shown.iter().filter(|guest| **guest != authority) {
            graph.edge(guest.to_string(), authority.to_string(), "certificates", Stroke::Dashed);
        }
    }
    if network.upstream.is_some() {
        graph.node("dns", "names (dnsmasq)", Some(HOST));
        for guest in &shown {
            graph.edge(guest.to_string(), "dns", "names", Stroke::Dashed);
        }
    }
    if network.firewall.enabled == Some(true) {
        graph.node("firewall", "pve-firewall", Some(HOST));
    }
    for volume in &network.volumes {
        let id = format!("volume/{}", volume.name);
        graph.node(id.clone(), format!("{} ({})", volume.name, volume.path), Some(HOST));
        for (guest, mount) in volume.mounts.iter().filter(|(guest, _)| shown.contains(guest)) {
            let way = match guest.kind {
                GuestKind::Lxc => "bind",
                GuestKind::Vm => "NFS",
            };
            graph.edge(guest.to_string(), id.clone(), &format!("{way} {}", mount.target), Stroke::Dashed);
        }
    }
    graph.without_empty_groups()
}

/// Returns the guests that have a part in the plane.
fn shown(network: &Network) -> BTreeSet<GuestId> {
    let publishing = network.publishing.iter();
    let parts = publishing.flat_map(|it| [it.gateway, it.router, it.authority]).flatten();
    let serving = network.services.iter().map(|service| service.guest);
    let sharing = network.volumes.iter().flat_map(|volume| volume.mounts.keys().copied());
    parts.chain(serving).chain(sharing).filter(|guest| network.members.contains_key(guest)).collect()
}

fn of_service(graph: &mut Graph, service: &Service, gateway: Option<GuestId>, router: Option<GuestId>) {
    let id = format!("service/{}/{}", service.guest, service.name);
    let host = service.hosts.first().map_or("", String::as_str);
    graph.node(id.clone(), host, Some(SERVICES));
    let way = format!("{} {}", service.scheme.as_str().to_uppercase(), service.port);
    graph.edge(id.clone(), service.guest.to_string(), &way, Stroke::Solid);
    match (service.reach, service.scheme) {
        (Reach::Proxied, Scheme::Http | Scheme::Https) => {
            if let Some(router) = router {
                graph.edge(router.to_string(), id.clone(), "by host name", Stroke::Solid);
            }
        }
        (_, Scheme::Tcp | Scheme::Udp) if service.outside => {
            if let Some(gateway) = gateway {
                graph.edge(gateway.to_string(), id.clone(), "stream", Stroke::Solid);
            }
        }
        (Reach::Direct | Reach::Proxied, _) => {}
    }
    for client in &service.from {
        if let Client::Guest(guest) = client {
            graph.edge(guest.to_string(), id.clone(), "", Stroke::Solid);
        }
    }
}
