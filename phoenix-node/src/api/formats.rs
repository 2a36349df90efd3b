//! Formats of texts: what PVE says when one is wrong.

use crate::state::config::{self, pairs};

/// The keys of a container's `netN`.
const NET_LXC: &[&str] = &[
    "bridge",
    "firewall",
    "gw",
    "gw6",
    "host-managed",
    "hwaddr",
    "ip",
    "ip6",
    "link_down",
    "mtu",
    "name",
    "rate",
    "tag",
    "trunks",
    "type",
];
/// The keys of a virtual machine's `netN`, models left out.
const NET_VM: &[&str] =
    &["bridge", "firewall", "link_down", "macaddr", "model", "mtu", "queues", "rate", "tag", "trunks"];

const NOT_DEFINED: &str =
    "property is not defined in schema and the schema does not allow additional properties";

pub(crate) fn dns_name(value: &str) -> Option<String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (!value.split('.').all(is_label))
        .then(|| "invalid format - value does not look like a valid DNS name\n".to_owned())
}

pub(crate) fn tags(value: &str) -> Option<String> {
    let is_tag = |tag: &str| {
        tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_-+.".contains(c))
    };
    let wrong = value.split([';', ',', ' ']).any(|tag| !tag.is_empty() && !is_tag(tag));
    wrong.then(|| "invalid format - invalid characters in tag\n".to_owned())
}

pub(crate) fn config_id(value: &str) -> Option<String> {
    let right = value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if value.len() > 40 {
        return Some("value may only be 40 characters long".to_owned());
    }
    (!right).then(|| format!("invalid format - invalid configuration ID '{value}'\n"))
}

pub(crate) fn net_lxc(key: &str, value: &str) -> Option<String> {
    let parts = pairs(value);
    let mut wrong = String::new();
    for (name, text) in &parts {
        let complaint = match *name {
            "" => Some("value without key, but schema does not define a default key".to_owned()),
            name if !NET_LXC.contains(&name) => Some(NOT_DEFINED.to_owned()),
            "ip" if !matches!(*text, "dhcp" | "manual") && !is_cidr4(text) => Some(
                "invalid format - value does not look like a valid ipv4 network configuration\n".to_owned(),
            ),
            "gw" if text.parse::<std::net::Ipv4Addr>().is_err() => {
                Some("invalid format - value does not look like a valid ipv4 address\n".to_owned())
            }
            "hwaddr" if !is_mac(text) => {
                Some("invalid format - value does not look like a valid unicast MAC address\n".to_owned())
            }
            _ => None,
        };
        if let Some(complaint) = complaint {
            wrong.push_str(&format!("{key}.{name}: {complaint}\n"));
        }
    }
    if !parts.iter().any(|(name, _)| *name == "name") {
        wrong.push_str(&format!("{key}.name: property is missing and it is not optional\n"));
    }
    format_error(wrong)
}

pub(crate) fn net_vm(key: &str, value: &str) -> Option<String> {
    let parts = pairs(value);
    let mut wrong = String::new();
    for (name, text) in &parts {
        let complaint = match *name {
            "" | "model" if !config::MODELS.contains(text) => Some((
                "model",
                format!(
                    "value '{text}' does not have a value in the enumeration '{}'",
                    config::MODELS.join(", ")
                ),
            )),
            "" => None,
            name if config::MODELS.contains(&name) || name == "macaddr" => (!is_mac(text)).then(|| {
                (
                    "macaddr",
                    "invalid format - value does not look like a valid unicast MAC address\n".to_owned(),
                )
            }),
            name if !NET_VM.contains(&name) => Some((name, NOT_DEFINED.to_owned())),
            _ => None,
        };
        if let Some((name, complaint)) = complaint {
            wrong.push_str(&format!("{key}.{name}: {complaint}\n"));
        }
    }
    format_error(wrong)
}

pub(crate) fn mount_point(key: &str, value: &str) -> Option<String> {
    let parts = pairs(value);
    let mut wrong = String::new();
    if config::volume_of(value).is_empty() {
        wrong.push_str(&format!("{key}.volume: property is missing and it is not optional\n"));
    }
    if key.starts_with("mp") && !parts.iter().any(|(name, _)| *name == "mp") {
        wrong.push_str(&format!("{key}.mp: property is missing and it is not optional\n"));
    }
    format_error(wrong)
}

fn format_error(wrong: String) -> Option<String> {
    (!wrong.is_empty()).then(|| format!("invalid format - format error\n{wrong}"))
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
