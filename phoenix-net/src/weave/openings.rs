//! Openings: what each firewall must let through for what is declared, and then what the user's own rules say.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    GuestId, GuestKind, Network, ResourceId,
    network::{Client, Reach, Rule, Scheme, Service},
};
use serde_json::{Value, json};

use super::{authority, gateway, part::Parts, router};

pub(super) fn weave(parts: &mut Parts<'_>) {
    let network = parts.network;
    if network.firewall.enabled.is_none() {
        return;
    }
    let origin = network.firewall.origin.clone();
    parts.add(ResourceId::new("firewall", "cluster"), cluster(network), &origin);
    let node = format!("node-{}", network.node);
    parts.add(ResourceId::new("firewall", &node), of_node(network, &node), &origin);
    for (guest, member) in &network.members {
        let scope = scope(*guest);
        let spec = of_guest(network, *guest, &scope);
        parts.add(ResourceId::new("firewall", &scope), spec, &member.origin);
    }
}

fn scope(guest: GuestId) -> String {
    match guest.kind {
        GuestKind::Lxc => format!("lxc-{}", guest.vmid),
        GuestKind::Vm => format!("vm-{}", guest.vmid),
    }
}

/// Where the host is administered from; the network of the guests if nobody says.
fn management(network: &Network) -> BTreeSet<String> {
    let named = network.publishing.iter().flat_map(|publishing| &publishing.management);
    let named: BTreeSet<String> = named.cloned().collect();
    match (named.is_empty(), &network.net) {
        (true, Some(net)) => BTreeSet::from([net.clone()]),
        _ => named,
    }
}

fn cluster(network: &Network) -> Value {
    let firewall = &network.firewall;
    let switch = if firewall.enabled == Some(true) { "1" } else { "0" };
    let mut options = BTreeMap::from([("enable", switch.to_owned())]);
    if firewall.enabled == Some(true) {
        options.insert("policy_in", firewall.policy_in.clone().unwrap_or_else(|| "DROP".to_owned()));
        options.insert("policy_out", firewall.policy_out.clone().unwrap_or_else(|| "ACCEPT".to_owned()));
    }
    let mut spec = json!({ "scope": "cluster", "options": options, "rules": [] });
    if firewall.enabled == Some(true) {
        let sources = management(network);
        let mut rules = Vec::new();
        if !sources.is_empty() {
            let list: Vec<&str> = sources.iter().map(String::as_str).collect();
            rules.push(opening("management", "tcp", "22,8006", Some(list.join(",")), "administration"));
            spec["management"] = json!({ "sources": sources });
        }
        rules.extend(own(&firewall.rules));
        spec["rules"] = json!(rules);
    }
    spec
}

fn of_node(network: &Network, scope: &str) -> Value {
    let mut rules = Vec::new();
    let is_on = network.firewall.enabled == Some(true);
    if let (true, Some(net)) = (is_on, &network.net) {
        if network.upstream.is_some() {
            rules.push(opening("dns-udp", "udp", "53", Some(net.clone()), "names"));
            rules.push(opening("dns-tcp", "tcp", "53", Some(net.clone()), "names"));
        }
        let outside = network.publishing.as_ref().and_then(|publishing| publishing.outside_listen);
        if let (Some(address), true) = (outside, network.upstream.is_some()) {
            for proto in ["udp", "tcp"] {
                let mut rule =
                    opening(&format!("dns-outside-{proto}"), proto, "53", None, "names, for those outside");
                rule["dest"] = json!(address);
                rules.push(rule);
            }
        }
        let clients: BTreeSet<String> = network
            .volumes
            .iter()
            .flat_map(|volume| volume.mounts.keys())
            .filter(|guest| guest.kind == GuestKind::Vm)
            .filter_map(|guest| Some(network.address_of(*guest)?.to_string()))
            .collect();
        if !clients.is_empty() {
            let clients: Vec<String> = clients.into_iter().collect();
            rules.push(opening("nfs", "tcp", "2049", Some(clients.join(",")), "volumes"));
        }
    }
    let mut spec = json!({ "scope": scope, "rules": rules });
    let sources = management(network);
    if is_on && !sources.is_empty() {
        spec["management"] = json!({ "sources": sources });
    }
    spec
}

fn of_guest(network: &Network, guest: GuestId, scope: &str) -> Value {
    let Some(user) = network.firewall.guests.get(&guest) else {
        return json!({ "scope": scope, "rules": [] });
    };
    let mut rules = Vec::new();
    let net = || network.net.clone();
    for service in network.services.iter().filter(|service| service.guest == guest) {
        rules.extend(of_service(network, service));
    }
    if gateway(network) == Some(guest) {
        rules.push(opening("gateway", "tcp", "80,443", None, "what is published"));
        for service in network.services.iter().filter(|it| it.outside && !it.scheme.is_web()) {
            let key = format!("stream-{}", service.name);
            rules.push(opening(&key, proto(service), &service.port.to_string(), None, &service.name));
        }
    }
    if router(network) == Some(guest) {
        let gateway = gateway(network).and_then(|gateway| network.address_of(gateway));
        if let Some(gateway) = gateway {
            rules.push(opening(
                "from-gateway",
                "tcp",
                "80",
                Some(gateway.to_string()),
                "what the gateway passes on",
            ));
        }
        rules.push(opening("inside", "tcp", "443", net(), "requests from inside"));
    }
    if authority(network) == Some(guest) {
        rules.push(opening("acme", "tcp", "9000", net(), "certificates"));
    }
    let sources: Vec<String> = management(network).into_iter().collect();
    if !sources.is_empty() {
        rules.push(opening("ssh", "tcp", "22", Some(sources.join(",")), "administration"));
    }
    if let Some(net) = net() {
        rules.push(json!({
            "key": "ping", "direction": "in", "action": "ACCEPT", "macro": "Ping", "source": net,
            "comment": "inside",
        }));
    }
    rules.extend(own(user));
    let options = json!({ "enable": "1", "policy_in": "DROP", "policy_out": "ACCEPT", "ipfilter": "1" });
    let mut spec = json!({ "scope": scope, "options": options, "rules": rules });
    // Proxmox VE knows a container's own addresses; those of a machine it must be told, or nothing leaves it.
    if guest.kind == GuestKind::Vm {
        let own = network.members.get(&guest).map(|member| member.addresses.clone()).unwrap_or_default();
        spec["ipsets"] = json!({ "ipfilter-net0": { "entries": own } });
    }
    spec
}

/// Returns what a service needs: the router or the gateway that passes on to it, and those who come straight to it.
fn of_service(network: &Network, service: &Service) -> Vec<Value> {
    let mut sources: BTreeSet<String> = service
        .from
        .iter()
        .filter_map(|client| match client {
            Client::Guest(guest) => Some(network.address_of(*guest)?.to_string()),
            Client::Net(net) => Some(net.clone()),
        })
        .collect();
    let by = match (service.reach, service.scheme) {
        (Reach::Proxied, Scheme::Http | Scheme::Https) => router(network),
        (Reach::Proxied, Scheme::Tcp | Scheme::Udp) => gateway(network).filter(|_| service.outside),
        (Reach::Direct, _) => None,
    };
    sources.extend(by.and_then(|guest| network.address_of(guest)).map(|address| address.to_string()));
    if service.reach == Reach::Direct && service.from.is_empty() {
        sources.extend(network.net.clone());
    }
    if sources.is_empty() {
        return Vec::new();
    }
    let sources: Vec<String> = sources.into_iter().collect();
    let key = format!("service-{}", service.name);
    let comment = format!("service {}", service.name);
    vec![opening(&key, proto(service), &service.port.to_string(), Some(sources.join(",")), &comment)]
}

fn proto(service: &Service) -> &'static str {
    match service.scheme {
        Scheme::Udp => "udp",
        Scheme::Http | Scheme::Https | Scheme::Tcp => "tcp",
    }
}

fn opening(key: &str, proto: &str, dport: &str, source: Option<String>, comment: &str) -> Value {
    let mut rule = json!({
        "key": key, "direction": "in", "action": "ACCEPT", "proto": proto, "dport": dport, "comment": comment,
    });
    if let Some(source) = source {
        rule["source"] = json!(source);
    }
    rule
}

fn own(rules: &[Rule]) -> Vec<Value> {
    rules
        .iter()
        .map(|rule| {
            let texts = [
                ("proto", &rule.proto),
                ("source", &rule.source),
                ("dest", &rule.dest),
                ("dport", &rule.dport),
                ("comment", &rule.comment),
            ];
            let mut value = json!({ "direction": rule.direction, "action": rule.action });
            for (key, text) in texts {
                if let Some(text) = text {
                    value[key] = json!(text);
                }
            }
            value
        })
        .collect()
}
