//! Addresses and networks: what a text is, its normal form, and what PVE's address library says of one that is wrong.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the version of IP of an address, a network or a range; else what is wrong with it.
pub(crate) fn version(text: &str) -> Result<u8, String> {
    if let Some((address, prefix)) = text.split_once('/') {
        let ip = parse(address)?;
        let prefix: u32 = prefix.parse().map_err(|_| format!("Invalid prefix length /{prefix}"))?;
        check_prefix(ip, prefix)?;
        return Ok(version_of(ip));
    }
    if let Some((first, last)) = text.split_once('-') {
        let (first_ip, last_ip) = (parse(first)?, parse(last)?);
        if version_of(first_ip) != version_of(last_ip) {
            return Err(format!("IP addresses {first} and {last} are of different versions"));
        }
        if first_ip > last_ip {
            return Err(format!("First IP number is greater than second IP number in range {text}"));
        }
        return Ok(version_of(first_ip));
    }
    parse(text).map(version_of)
}

/// Returns the version of IP of a list of addresses; else what is wrong with it.
pub(crate) fn list_version(list: &str) -> Result<Option<u8>, String> {
    let elements: Vec<&str> = list.split(',').collect();
    if elements.iter().any(|element| element.is_empty()) {
        return Err("extraneous commas in list".to_owned());
    }
    let mut found = None;
    for element in &elements {
        let version = version(element).map_err(|text| format!("invalid IP address: {text}"))?;
        if found.is_some_and(|found| found != version) {
            return Err(format!("detected mixed ipv4/ipv6 addresses in address list '{list}'"));
        }
        found = Some(version);
    }
    if elements.len() > 1 && elements.iter().any(|element| element.contains('-')) {
        return Err("you can't use a range in a list".to_owned());
    }
    Ok(found)
}

/// Says what is wrong with a text that should be an address or a network.
pub(crate) fn ip_or_cidr(text: &str) -> Option<String> {
    let general = "value does not look like a valid IP address or CIDR network".to_owned();
    let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
    if address.parse::<IpAddr>().is_err()
        || prefix.is_some_and(|prefix| prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Some(general);
    }
    version(text).err()
}

/// Tells whether a text is a network in the form `address/prefix`.
pub(crate) fn is_cidr(text: &str) -> bool {
    text.contains('/') && text.parse::<ipnet::IpNet>().is_ok()
}

/// Returns the normal form of an address or a network: a network of one address is that address.
pub(crate) fn normal(text: &str) -> String {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
    let Ok(ip) = address.parse::<IpAddr>() else { return text.to_owned() };
    match prefix.and_then(|prefix| prefix.parse::<u32>().ok()) {
        Some(prefix) if prefix < bits(ip) => format!("{ip}/{prefix}"),
        Some(_) | None => ip.to_string(),
    }
}

fn bits(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn version_of(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 4 } else { 6 }
}

fn check_prefix(ip: IpAddr, prefix: u32) -> Result<(), String> {
    let length = bits(ip);
    let binary: String = match ip {
        IpAddr::V4(ip) => format!("{:032b}", u32::from(ip)),
        IpAddr::V6(ip) => format!("{:0128b}", u128::from(ip)),
    };
    if prefix > length {
        return Err(format!("Prefix length {prefix} is longer than IP address ({length})"));
    }
    let at = usize::try_from(prefix).unwrap_or(usize::MAX);
    if binary.get(at..).is_some_and(|host| host.contains('1')) {
        return Err(format!("Invalid prefix {binary}/{prefix}"));
    }
    Ok(())
}

fn parse(text: &str) -> Result<IpAddr, String> {
    if let Ok(ip) = text.parse() {
        return Ok(ip);
    }
    if text.contains(':') {
        return Err(six(text));
    }
    if !text.chars().all(|c| c.is_ascii_digit() || c == '.') || text.is_empty() {
        return Err(format!("Invalid chars in IP {text}"));
    }
    if text.starts_with('.') {
        return Err(format!("Invalid IP {text} - starts with a dot"));
    }
    if text.ends_with('.') {
        return Err(format!("Invalid IP {text} - ends with a dot"));
    }
    let quads: Vec<&str> = text.split('.').collect();
    if quads.len() > 4 {
        return Err(format!("Invalid IP address {text}"));
    }
    if quads.iter().any(|quad| quad.is_empty()) {
        return Err(format!("Empty quad in IP address {text}"));
    }
    if let Some(quad) = quads.iter().find(|quad| quad.parse::<u32>().map_or(true, |quad| quad > 255)) {
        return Err(format!("Invalid quad in IP address {text} - {quad}"));
    }
    Err(format!("Invalid IP address {text}"))
}

fn six(text: &str) -> String {
    let octets: Vec<&str> = text.split(':').filter(|part| !part.is_empty()).collect();
    let is_right = |part: &&str| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !octets.iter().all(is_right) {
        return format!("Invalid IP address {text}");
    }
    if text.starts_with(':') && !text.starts_with("::") {
        return format!("Invalid address {text} (starts with :)");
    }
    if text.ends_with(':') && !text.ends_with("::") {
        return format!("Invalid address {text} (ends with :)");
    }
    if text.matches("::").count() > 1 {
        return format!("Invalid address {text} (More than one :: pattern)");
    }
    format!("Invalid number of octets {text}")
}

/// Tells whether a text is an address of IPv6, perhaps with a zone.
pub(crate) fn is_ipv6(text: &str) -> bool {
    text.split_once('%').map_or(text, |(address, _)| address).parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_addresses_are_told_apart() {
        for (text, wrong) in [
            ("1.2.3.400", "Invalid quad in IP address 1.2.3.400 - 400"),
            ("1..2", "Empty quad in IP address 1..2"),
            ("a!", "Invalid chars in IP a!"),
            ("1::2::3", "Invalid address 1::2::3 (More than one :: pattern)"),
            ("10.0.0.0/40", "Prefix length 40 is longer than IP address (32)"),
            ("192.0.2.1/24", "Invalid prefix 11000000000000000000001000000001/24"),
        ] {
            assert_eq!(version(text).unwrap_err(), wrong);
        }
        assert_eq!(version("10.0.0.1-10.0.0.9"), Ok(4));
        assert_eq!(version("fe80::/10"), Ok(6));
        assert_eq!(
            list_version("10.0.0.0/8,::1").unwrap_err(),
            "detected mixed ipv4/ipv6 addresses in address list '10.0.0.0/8,::1'"
        );
        assert_eq!(list_version("10.0.0.1,,10.0.0.2").unwrap_err(), "extraneous commas in list");
    }

    #[test]
    fn a_network_of_one_address_is_that_address() {
        assert_eq!(normal("10.0.0.1/32"), "10.0.0.1");
        assert_eq!(normal("FE80:0:0::1/64"), "fe80::1/64");
        assert_eq!(ip_or_cidr("10.0.0.0/8"), None);
        assert!(ip_or_cidr("10.0.0").is_some());
    }
}
