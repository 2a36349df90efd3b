//! What the rules follow from: the firewalls of the API, and the cards of guests with what their configurations say of
//! them. Cards without `firewall=1` are left out: nothing is held to rules on them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;
use phoenix_core::GuestKind;
use serde_json::{Map, Value};

use crate::state::{
    State,
    config::{address_of, is_true, property, split_index},
    firewall::Firewalls,
    guest::Guest,
};

/// All that the rules are a function of.
#[derive(Clone, Debug)]
pub(super) struct Scene<'a> {
    pub(super) firewalls: &'a Firewalls,
    /// The node's name.
    pub(super) node: &'a str,
    /// The networks that the node itself is in.
    pub(super) local: Vec<IpNet>,
    pub(super) nets: Vec<Net>,
}

/// A card that is held to rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) vmid: u32,
    pub(super) index: u32,
    /// The host's end of it.
    pub(super) link: String,
    pub(super) mac: Option<Mac>,
    /// The addresses that it is configured with.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether Proxmox VE knows of itself that these are its addresses, as it does of containers.
    pub(super) is_container: bool,
    pub(super) is_running: bool,
}

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac([u8; 6]);

impl<'a> Scene<'a> {
    /// Returns what the state says.
    pub(super) fn of(state: &'a State, local: Vec<IpNet>) -> Self {
        let nets = state.guests.values().flat_map(nets).collect();
        Self { firewalls: &state.firewall, node: &state.name, local, nets }
    }
}

impl Net {
    /// Returns the key of its configuration.
    pub(super) fn key(&self) -> String {
        format!("net{}", self.index)
    }
}

impl Mac {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }

    /// Returns the address of the link that follows from it.
    pub(super) fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
        Ipv6Addr::new(0xfe80, 0, 0, 0, pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f))
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Reads an option that is on or off.
pub(super) fn is_on(options: &Map<String, Value>, key: &str, default: bool) -> bool {
    match options.get(key) {
        Some(Value::Number(number)) => number.as_u64() != Some(0),
        Some(Value::String(text)) => text != "0" && !text.is_empty(),
        Some(Value::Bool(value)) => *value,
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => default,
    }
}

/// Returns the cards of a guest that are held to rules.
pub(super) fn nets(guest: &Guest) -> Vec<Net> {
    let one = |(key, value): (&String, &String)| {
        let ("net", Some(index)) = split_index(key) else { return None };
        if !property(value, "firewall").is_some_and(is_true) {
            return None;
        }
        let is_container = guest.kind == GuestKind::Lxc;
        let end = if is_container || guest.as_container { "veth" } else { "tap" };
        Some(Net {
            vmid: guest.vmid,
            index,
            link: format!("{end}{}i{index}", guest.vmid),
            mac: address_of(guest.kind, value).and_then(|text| Mac::parse(&text)),
            addresses: match is_container {
                true => addresses(value),
                false => guest.get(&format!("ipconfig{index}")).map(addresses).unwrap_or_default(),
            },
            is_container,
            is_running: guest.running,
        })
    };
    let config: &BTreeMap<String, String> = &guest.config;
    let mut found: Vec<Net> = config.iter().filter_map(one).collect();
    found.sort_by_key(|net| net.index);
    found
}

/// Returns the addresses of a card: `dhcp`, `manual` and `auto` are none that are known.
fn addresses(value: &str) -> Vec<IpAddr> {
    let texts = ["ip", "ip6"].into_iter().filter_map(|key| property(value, key));
    texts.filter_map(|text| text.split('/').next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_held_to_rules_where_its_configuration_says_so() {
        let mut guest = Guest::reserved(GuestKind::Lxc, 101, "");
        let mut set = |key: &str, value: &str| guest.config.insert(key.to_owned(), value.to_owned());
        set(
            "net0",
            "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.2/24,ip6=fd00::2/64,type=veth",
        );
        set("net1", "name=eth1,bridge=vmbr0,ip=10.0.1.2/24,type=veth");
        set("net10", "name=eth2,bridge=vmbr0,firewall=1,hwaddr=x\"; drop,ip=dhcp,type=veth");
        let found = nets(&guest);
        let links: Vec<&str> = found.iter().map(|net| net.link.as_str()).collect();
        assert_eq!(links, ["veth101i0", "veth101i10"]);
        let addresses: Vec<String> = found[0].addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.0.0.2", "fd00::2"]);
        let mac = found[0].mac.expect("it has one");
        assert_eq!(mac.to_string(), "bc:24:11:00:00:01");
        assert_eq!(mac.link_local().to_string(), "fe80::be24:11ff:fe00:1");
        assert!(found[1].mac.is_none() && found[1].addresses.is_empty());
    }

    #[test]
    fn a_machine_has_a_tap_and_the_addresses_that_cloud_init_gives_it() {
        let mut guest = Guest::reserved(GuestKind::Vm, 1001, "");
        guest.config.insert("net0".to_owned(), "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1".to_owned());
        guest.config.insert("ipconfig0".to_owned(), "ip=10.0.0.111/24,gw=10.0.0.1".to_owned());
        assert_eq!(nets(&guest)[0].link, "tap1001i0");
        assert_eq!(nets(&guest)[0].addresses[0].to_string(), "10.0.0.111");
        guest.as_container = true;
        assert_eq!(nets(&guest)[0].link, "veth1001i0");
    }
}
