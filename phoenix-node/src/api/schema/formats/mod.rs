//! Formats of texts, by their names: what PVE says when one is wrong.

pub(crate) mod address;
mod cluster;
mod host;
pub(crate) mod traffic;

pub(crate) use cluster::{is_alias, subnet_of};

/// Says what is wrong with a text of a format; nothing of a format that takes any text.
pub(super) fn complaint(format: &str, value: &str) -> Option<String> {
    if let Some(single) = format.strip_suffix("-list") {
        let parts = value.split([',', ';', ' ', '\0']).filter(|part| !part.is_empty());
        return parts.into_iter().find_map(|part| complaint(single, part));
    }
    let (is_right, text) = match format {
        "pve-node" => (is_dns_label(value), "value does not look like a valid node name".to_owned()),
        "pve-vmid" => (is_vmid(value), "value does not look like a valid VM ID".to_owned()),
        "pve-configid" => (is_config_id(value), format!("invalid configuration ID '{value}'")),
        "pve-storage-id" => {
            (is_storage_id(value), format!("storage ID '{value}' contains illegal characters"))
        }
        "dns-name" => (is_dns_name(value), "value does not look like a valid DNS name".to_owned()),
        "pve-tag" => (is_tag(value), "invalid characters in tag".to_owned()),
        "disk-size" => (
            crate::state::volume::parse_size(value, 0).is_some(),
            format!("value does not look like a valid disk size: {value}"),
        ),
        "ipv4" => (
            value.parse::<std::net::Ipv4Addr>().is_ok(),
            "value does not look like a valid ipv4 address".to_owned(),
        ),
        "ipv6" => (
            value.parse::<std::net::Ipv6Addr>().is_ok(),
            "value does not look like a valid ipv6 address".to_owned(),
        ),
        "mac-addr" => (is_mac(value), "value does not look like a valid unicast MAC address".to_owned()),
        "pve-ipv4-config" => (
            matches!(value, "dhcp" | "manual") || is_cidr4(value),
            "value does not look like a valid ipv4 network configuration".to_owned(),
        ),
        _ => return host::complaint(format, value).or_else(|| cluster::complaint(format, value)),
    };
    (!is_right).then_some(text)
}

fn is_dns_label(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 63
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

fn is_dns_name(value: &str) -> bool {
    value.split('.').all(is_dns_label)
}

fn is_vmid(value: &str) -> bool {
    value.len() <= 9
        && !value.starts_with('0')
        && value.parse::<u32>().is_ok_and(|vmid| (100..=999_999_999).contains(&vmid))
}

fn is_config_id(value: &str) -> bool {
    value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_storage_id(value: &str) -> bool {
    value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.ends_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_tag(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-+.".contains(c))
}

fn is_cidr4(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<std::net::Ipv4Addr>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 32)
    })
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && u8::from_str_radix(parts[0], 16).is_ok_and(|first| first & 1 == 0)
}
