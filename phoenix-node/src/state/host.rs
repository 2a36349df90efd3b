//! What a node as a host is set to: its own options, names and addresses, time zone, network, services.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    options::Uplink,
    state::{State, config::hex},
};

/// The settings of every node, by its name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hosts(BTreeMap<String, Host>);

/// The options of a network interface.
pub(crate) type Interface = BTreeMap<String, String>;

/// What one node is set to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Host {
    /// The node's own options: `description`, `wakeonlan`, …
    pub(crate) config: BTreeMap<String, String>,
    /// The DNS search domain, and up to three servers.
    pub(crate) search: String,
    pub(crate) dns: Vec<String>,
    /// The file of names and addresses.
    pub(crate) names: String,
    pub(crate) timezone: String,
    /// The network as it is.
    pub(crate) network: BTreeMap<String, Interface>,
    /// The network as it will be once it is applied.
    pub(crate) next_network: Option<BTreeMap<String, Interface>>,
    /// What the network was when a guard of it began, with the number of the guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guard: Option<NetworkGuard>,
    /// Whether a guard has put the network back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_reverted: bool,
    /// Services that were stopped.
    pub(crate) stopped: BTreeSet<String>,
    /// The subscription key.
    pub(crate) key: Option<String>,
    /// APT repositories that were switched off, or added, by their handle.
    pub(crate) repositories: BTreeMap<String, bool>,
    /// Whether the package lists were fetched.
    pub(crate) is_updated: bool,
    /// The certificate that somebody put in place of the node's own.
    pub(crate) certificate: Option<String>,
}

/// What a network was when a guard of it began.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NetworkGuard {
    /// What it was.
    pub(crate) saved: BTreeMap<String, Interface>,
    /// How long the node waits.
    pub(crate) seconds: u32,
    /// Which of all guards it is: only the last one puts anything back.
    pub(crate) number: u64,
}

/// The address that a node has if nobody says.
const ADDRESS: &str = "10.10.10.2";

impl State {
    /// Returns what a node is set to.
    pub(crate) fn host_of(&self, node: &str) -> Host {
        let mut host = match self.hosts.0.get(node) {
            Some(host) => host.clone(),
            None => Host::new(node, &self.bridges),
        };
        // Bridges that came with a later seed.
        for bridge in &self.bridges {
            host.network.entry(bridge.clone()).or_insert_with(|| Host::bridge(false));
        }
        host
    }

    /// Gives the node its own address, as long as nobody has set anything of it.
    pub(crate) fn merge_uplink(&mut self, uplink: Option<&Uplink>) {
        let Some(uplink) = uplink.filter(|_| !self.hosts.0.contains_key(&self.name)) else { return };
        let name = self.name.clone();
        self.change_host(&name, |host| {
            for (bridge, interface) in &mut host.network {
                let is_meant = *bridge == uplink.bridge;
                if is_meant || interface.contains_key("address") {
                    *interface = Host::bridge(is_meant);
                }
            }
            let Some(interface) = host.network.get_mut(&uplink.bridge) else { return };
            let (address, length) = uplink.address.split_once('/').unwrap_or((&uplink.address, "24"));
            let pairs = [("address", address), ("cidr", &uplink.address), ("netmask", length)];
            interface.extend(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
            interface.remove("gateway");
            interface.extend(uplink.gateway.clone().map(|gateway| ("gateway".to_owned(), gateway)));
        });
    }

    /// Changes what a node is set to.
    pub(crate) fn change_host(&mut self, node: &str, change: impl FnOnce(&mut Host)) {
        let mut host = self.host_of(node);
        change(&mut host);
        self.hosts.0.insert(node.to_owned(), host);
    }

    /// Makes the network what it is to be.
    pub(crate) fn apply_network(&mut self, node: &str) {
        let Some(next) = self.host_of(node).next_network else { return };
        let kind = |interface: &Interface| interface.get("type").cloned().unwrap_or_default();
        self.bridges = next
            .iter()
            .filter(|(_, interface)| matches!(kind(interface).as_str(), "bridge" | "OVSBridge"))
            .map(|(name, _)| name.clone())
            .collect();
        self.dirty.node = true;
        self.change_host(node, |host| {
            host.network = next;
            host.next_network = None;
        });
    }
}

impl Host {
    fn new(node: &str, bridges: &BTreeSet<String>) -> Self {
        let plain = |pairs: &[(&str, &str)]| -> Interface {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let mut network = BTreeMap::from([(
            "eth0".to_owned(),
            plain(&[("type", "eth"), ("method", "manual"), ("method6", "manual"), ("exists", "1")]),
        )]);
        for (at, name) in bridges.iter().enumerate() {
            network.insert(name.clone(), Self::bridge(at == 0));
        }
        Self {
            search: "test.local".to_owned(),
            dns: vec!["127.0.0.1".to_owned()],
            names: format!("127.0.0.1 localhost.localdomain localhost\n{ADDRESS} {node}.test.local {node}\n"),
            timezone: "Etc/UTC".to_owned(),
            network,
            ..Self::default()
        }
    }

    /// Returns a bridge: the first has the node's address, the others are for guests only.
    fn bridge(is_first: bool) -> Interface {
        let mut pairs = vec![
            ("type", "bridge"),
            ("method6", "manual"),
            ("autostart", "1"),
            ("bridge_stp", "off"),
            ("bridge_fd", "0"),
        ];
        match is_first {
            true => pairs.extend([
                ("method", "static"),
                ("address", ADDRESS),
                ("netmask", "24"),
                ("cidr", "10.10.10.2/24"),
                ("gateway", "10.10.10.1"),
                ("bridge_ports", "eth0"),
            ]),
            false => pairs.extend([
                ("method", "manual"),
                ("bridge_ports", ""),
                ("bridge_vlan_aware", "1"),
                ("bridge_vids", "2-4094"),
            ]),
        }
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Returns the network that changes are made to.
    pub(crate) fn network_to_change(&mut self) -> &mut BTreeMap<String, Interface> {
        let present = &self.network;
        self.next_network.get_or_insert_with(|| present.clone())
    }
}

/// Returns a digest as PVE has of files: 40 hex digits.
pub(crate) fn digest(text: &str) -> String {
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(40);
    digest
}

/// Returns the network as the file that PVE keeps it in.
pub(crate) fn network_text(network: &BTreeMap<String, Interface>) -> String {
    let mut text = "auto lo\niface lo inet loopback\n".to_owned();
    for (name, interface) in network {
        let get = |key: &str| interface.get(key).map(String::as_str).filter(|value| !value.is_empty());
        text.push('\n');
        if get("autostart") == Some("1") {
            text.push_str(&format!("auto {name}\n"));
        }
        text.push_str(&format!("iface {name} inet {}\n", get("method").unwrap_or("manual")));
        for (key, value) in interface {
            let word = match key.as_str() {
                "type" | "method" | "method6" | "autostart" | "exists" | "cidr" | "netmask" | "comments" => {
                    continue;
                }
                "address" => get("cidr").unwrap_or(value),
                "bridge_ports" if value.is_empty() => "none",
                _ => value,
            };
            text.push_str(&format!("\t{} {word}\n", key.replace('_', "-")));
        }
        for line in get("comments").unwrap_or_default().lines() {
            text.push_str(&format!("#{line}\n"));
        }
    }
    text
}

/// Returns what changes from one text to another: whole lines, those that stay left out.
pub(crate) fn difference(from: &str, to: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = "--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n".to_owned();
    let (gone, come) = (&old[same..old.len() - tail], &new[same..new.len() - tail]);
    text.push_str(&format!("@@ -{},{} +{},{} @@\n", same + 1, gone.len(), same + 1, come.len()));
    gone.iter().for_each(|line| text.push_str(&format!("-{line}\n")));
    come.iter().for_each(|line| text.push_str(&format!("+{line}\n")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_only_what_changes() {
        let text = difference("a\nb\nc\n", "a\nx\nb\nc\n");
        assert!(text.ends_with("@@ -2,0 +2,1 @@\n+x\n"), "{text}");
    }
}
