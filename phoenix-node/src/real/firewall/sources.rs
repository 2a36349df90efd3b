//! What the `source` or `dest` of a rule means: lists, networks and ranges, aliases, and sets of addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{addresses::Addresses, scene::Scene};
use crate::{api::schema::formats::is_alias, state::firewall::IpSet};

/// Whose names a rule may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Cluster,
    Guest(u32),
}

/// Returns the addresses that a text means, or why it means none.
pub(super) fn resolve(scene: &Scene<'_>, scope: Scope, text: &str) -> Result<Addresses, String> {
    if let Some(name) = text.strip_prefix('+') {
        return set(scene, scope, name);
    }
    let mut found = Addresses::default();
    if is_alias(text) {
        found.add_net(alias(scene, scope, text)?);
        return Ok(found);
    }
    for element in text.split(',').map(str::trim) {
        let wrong = || format!("`{element}` is no address");
        match element.split_once('-') {
            Some((first, last)) => {
                let ends = (first.parse::<IpAddr>().ok(), last.parse::<IpAddr>().ok());
                match ends {
                    (Some(first), Some(last)) if first <= last && first.is_ipv4() == last.is_ipv4() => {
                        found.add_range(first, last);
                    }
                    _ => return Err(wrong()),
                }
            }
            None => found.add_net(net(element).ok_or_else(wrong)?),
        }
    }
    Ok(found)
}

/// Returns the addresses of a set: of what its entries say of an address, the longest prefix holds.
pub(super) fn of_set(scene: &Scene<'_>, scope: Scope, set: &IpSet) -> Result<Addresses, String> {
    let mut entries = Vec::new();
    for (text, member) in &set.entries {
        let net = match is_alias(text) {
            true => alias(scene, scope, text)?,
            false => net(text).ok_or_else(|| format!("`{text}` is no address"))?,
        };
        entries.push((net.prefix_len(), net, member.nomatch));
    }
    entries.sort_by_key(|(length, _, nomatch)| (*length, *nomatch));
    let mut found = Addresses::default();
    for (_, net, nomatch) in entries {
        match nomatch {
            true => found.remove_net(net),
            false => found.add_net(net),
        }
    }
    Ok(found)
}

fn set(scene: &Scene<'_>, scope: Scope, text: &str) -> Result<Addresses, String> {
    let (place, name) = text.split_once('/').unwrap_or(("", text));
    let own = match scope {
        Scope::Guest(vmid) if place != "dc" => scene.firewalls.guests.get(&vmid),
        Scope::Guest(_) | Scope::Cluster => None,
    };
    let own = own.and_then(|firewall| firewall.ipsets.get(name));
    let shared = scene.firewalls.cluster.ipsets.get(name).filter(|_| place != "guest");
    let missing = || format!("there is no set of addresses `{text}` that is known here");
    match (own, shared) {
        (Some(own), _) => of_set(scene, scope, own),
        // What Proxmox VE adds to it by itself.
        (None, _) if name == "management" && place != "guest" => management(scene),
        (None, Some(shared)) if place != "sdn" => of_set(scene, Scope::Cluster, shared),
        (None, _) => Err(missing()),
    }
}

/// Returns who manages: the set `management`, and the network that the node is in or the alias that says otherwise.
pub(super) fn management(scene: &Scene<'_>) -> Result<Addresses, String> {
    let cluster = &scene.firewalls.cluster;
    let mut found = match cluster.ipsets.get("management") {
        Some(set) => of_set(scene, Scope::Cluster, set)?,
        None => Addresses::default(),
    };
    found.extend(&local(scene));
    Ok(found)
}

/// Returns the network of the cluster.
pub(super) fn local(scene: &Scene<'_>) -> Addresses {
    let mut found = Addresses::default();
    match alias(scene, Scope::Cluster, "local_network") {
        Ok(net) => found.add_net(net),
        Err(_) => scene.local.iter().for_each(|net| found.add_net(*net)),
    }
    found
}

fn alias(scene: &Scene<'_>, scope: Scope, text: &str) -> Result<IpNet, String> {
    let (place, name) = text.split_once('/').unwrap_or(("", text));
    let name = name.to_lowercase();
    let own = match scope {
        Scope::Guest(vmid) if place != "dc" => scene.firewalls.guests.get(&vmid),
        Scope::Guest(_) | Scope::Cluster => None,
    };
    let own = own.and_then(|firewall| firewall.aliases.get(&name));
    let found = own.or_else(|| scene.firewalls.cluster.aliases.get(&name).filter(|_| place != "guest"));
    let found = found.ok_or_else(|| format!("there is no alias `{text}`"))?;
    net(&found.cidr).ok_or_else(|| format!("the alias `{text}` is no address"))
}

/// Reads an address or a network.
fn net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
