//! Formats of addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Tells whether a text has a format, and what to say if it has not; nothing of another format.
pub(super) fn judge(format: &str, value: &str) -> Option<(bool, String)> {
    let is_right = match format {
        "ipv4" => value.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => value.parse::<Ipv6Addr>().is_ok(),
        "lxc-ip-with-ll-iface" => {
            let address = value.split_once('%').filter(|_| value.starts_with("fe80:"));
            address.map_or(value, |(address, _)| address).parse::<IpAddr>().is_ok()
        }
        "CIDRv4" => value.parse::<Ipv4Net>().is_ok(),
        "CIDRv6" => value.parse::<Ipv6Net>().is_ok(),
        "mac-addr" => is_mac(value),
        "pve-ipv4-config" => matches!(value, "dhcp" | "manual") || value.parse::<Ipv4Net>().is_ok(),
        "pve-ipv6-config" => matches!(value, "auto" | "dhcp" | "manual") || value.parse::<Ipv6Net>().is_ok(),
        _ => return None,
    };
    let noun = match format {
        "ipv4" => "valid ipv4 address",
        "ipv6" => "valid ipv6 address",
        "lxc-ip-with-ll-iface" => "valid IP address",
        "CIDRv4" => "valid IPv4 network",
        "CIDRv6" => "valid IPv6 network",
        "mac-addr" => "valid unicast MAC address",
        "pve-ipv4-config" => "valid ipv4 network configuration",
        _ => "valid ipv6 network configuration",
    };
    Some((is_right, format!("value does not look like a {noun}")))
}

pub(super) fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && u8::from_str_radix(parts[0], 16).is_ok_and(|first| first & 1 == 0)
}
