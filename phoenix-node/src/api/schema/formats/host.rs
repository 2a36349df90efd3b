//! Formats of texts about storages and about the node itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kinds of content that a storage can hold.
const CONTENTS: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];

/// Says what is wrong with a text of a format; nothing of a format that takes any text.
pub(super) fn complaint(format: &str, value: &str) -> Option<String> {
    let (is_right, text) = match format {
        "pve-storage-content" => (CONTENTS.contains(&value), format!("invalid content type '{value}'")),
        "pve-storage-path" => (
            value.strip_prefix('/').is_some_and(|rest| rest.starts_with(|c| !";()".contains(c))),
            "value does not look like a valid absolute path".to_owned(),
        ),
        "pve-storage-server" => (
            value.parse::<IpAddr>().is_ok() || super::is_dns_name(value),
            "value does not look like a valid server name or IP address".to_owned(),
        ),
        "pve-storage-portal-dns" => {
            (is_portal(value), "value does not look like a valid portal address".to_owned())
        }
        "pve-storage-vgname" => (is_group(value), format!("lvm name '{value}' contains illegal characters")),
        "pve-storage-zfs-blocksize" => (
            crate::state::volume::parse_size(&value.to_uppercase(), 0).is_some_and(u64::is_power_of_two),
            format!("value '{value}' must be a power of 2"),
        ),
        "pve-volume-id" => (is_volume(value), format!("unable to parse volume ID '{value}'")),
        "pve-dir-override" => (
            value
                .split_once('=')
                .is_some_and(|(word, path)| CONTENTS.contains(&word) && !path.contains("..")),
            format!("invalid content type directory override '{value}'"),
        ),
        "CIDRv4" => (
            is_network(value, 32, |address| address.parse::<Ipv4Addr>().is_ok()),
            "value does not look like a valid IPv4 network".to_owned(),
        ),
        "CIDRv6" => (
            is_network(value, 128, |address| address.parse::<Ipv6Addr>().is_ok()),
            "value does not look like a valid IPv6 network".to_owned(),
        ),
        "ipv4mask" => (is_mask(value), "value does not look like a valid IP netmask".to_owned()),
        "pve-vlan-id-or-range" => (is_vlan(value), format!("invalid VLAN ID '{value}'")),
        "pve-task-status-type" => (
            ["ok", "error", "warning", "unknown"].contains(&value.to_lowercase().as_str()),
            format!("invalid status '{value}'"),
        ),
        "pve-command-batch" => (
            serde_json::from_str::<Vec<serde_json::Value>>(value).is_ok(),
            "commands need to be an array of hash references".to_owned(),
        ),
        _ => return None,
    };
    (!is_right).then_some(text)
}

fn is_portal(value: &str) -> bool {
    let host = match value.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            host.trim_start_matches('[').trim_end_matches(']')
        }
        _ => value,
    };
    host.parse::<IpAddr>().is_ok() || super::is_dns_name(host)
}

fn is_group(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.len() > 1
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && value.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_volume(value: &str) -> bool {
    value.split_once(':').is_some_and(|(storage, name)| {
        storage.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.is_empty()
    })
}

fn is_network(value: &str, longest: u8, is_address: impl Fn(&str) -> bool) -> bool {
    value.split_once('/').is_some_and(|(address, prefix)| {
        is_address(address) && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest)
    })
}

fn is_mask(value: &str) -> bool {
    value.parse::<u8>().is_ok_and(|prefix| prefix <= 32)
        || value
            .parse::<Ipv4Addr>()
            .is_ok_and(|mask| u32::from(mask).leading_ones() == u32::from(mask).count_ones())
}

fn is_vlan(value: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|id| (2..=4094).contains(id));
    match value.split_once('-') {
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) => first < last,
            _ => false,
        },
        None => number(value).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_know_right_from_wrong() {
        let cases = [
            ("pve-storage-content", "iso", "floppy"),
            ("pve-storage-path", "/srv", "srv"),
            ("CIDRv4", "10.0.0.1/24", "10.0.0.1"),
            ("ipv4mask", "255.255.255.0", "255.0.255.0"),
            ("pve-vlan-id-or-range", "2-4094", "9-3"),
            ("pve-storage-server", "nas.example.org", "-nas"),
            ("pve-command-batch", r#"[{"path":"x"}]"#, "x"),
        ];
        for (format, right, wrong) in cases {
            assert_eq!(complaint(format, right), None, "{format} {right}");
            assert!(complaint(format, wrong).is_some(), "{format} {wrong}");
        }
    }
}
