//! Formats of names: nodes, guests, storages, pools, hosts.

/// Tells whether a text has a format, and what to say if it has not; nothing of another format.
pub(super) fn judge(format: &str, value: &str) -> Option<(bool, String)> {
    Some(match format {
        "pve-node" => (is_dns_label(value), "value does not look like a valid node name".to_owned()),
        "pve-vmid" => (is_vmid(value), "value does not look like a valid VM ID".to_owned()),
        "pve-configid" => (is_config_id(value), format!("invalid configuration ID '{value}'")),
        "pve-storage-id" => {
            (is_storage_id(value), format!("storage ID '{value}' contains illegal characters"))
        }
        "pve-poolid" => (is_pool(value), format!("pool name '{value}' contains invalid characters")),
        "dns-name" => (is_dns_name(value), "value does not look like a valid DNS name".to_owned()),
        "pve-tag" => (is_tag(value), "invalid characters in tag".to_owned()),
        "pve-bridge-id" => (is_interface(value), format!("invalid bridge ID '{value}'")),
        "pve-volume-id" => (is_volume(value), format!("unable to parse volume ID '{value}'")),
        "pve-volume-id-or-qm-path" => (
            matches!(value, "none" | "cdrom") || value.starts_with('/') || is_volume(value),
            format!("unable to parse volume ID '{value}'"),
        ),
        "pve-volume-id-or-absolute-path" => {
            (value.starts_with('/') || is_volume(value), format!("unable to parse volume ID '{value}'"))
        }
        "storage-pair" => (is_pair(value, is_storage_id), format!("invalid storage pair '{value}'")),
        "bridge-pair" => (is_pair(value, is_interface), format!("invalid bridge pair '{value}'")),
        _ => return None,
    })
}

fn is_pair(value: &str, is_side: fn(&str) -> bool) -> bool {
    match value.split_once(':') {
        Some((from, to)) => is_side(from) && (to == "1" || is_side(to)),
        None => value == "1" || is_side(value),
    }
}

pub(super) fn is_dns_label(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 63
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

pub(super) fn is_dns_name(value: &str) -> bool {
    value.split('.').all(is_dns_label)
}

pub(super) fn is_vmid(value: &str) -> bool {
    value.len() <= 9
        && !value.starts_with('0')
        && value.parse::<u32>().is_ok_and(|vmid| (100..=999_999_999).contains(&vmid))
}

pub(super) fn is_config_id(value: &str) -> bool {
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

fn is_pool(value: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    value.split('/').count() <= 3 && value.split('/').all(is_part)
}

fn is_interface(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))
}

fn is_volume(value: &str) -> bool {
    value.split_once(':').is_some_and(|(storage, name)| is_storage_id(storage) && !name.is_empty())
}

fn is_tag(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-+.".contains(c))
}
