//! Formats of texts, by their names: what PVE says when one is wrong.

pub(crate) mod address;
mod cluster;
mod guest;
mod host;
mod name;
mod net;
pub(crate) mod traffic;

pub(crate) use cluster::{is_alias, subnet_of};
use name::{is_config_id, is_dns_label, is_dns_name, is_vmid};
use net::is_mac;

/// Says what is wrong with a text of a format; nothing of a format that takes any text.
pub(super) fn complaint(format: &str, value: &str) -> Option<String> {
    if let Some(single) = format.strip_suffix("-list") {
        let parts = value.split([',', ';', ' ', '\0']).filter(|part| !part.is_empty());
        return parts.into_iter().find_map(|part| complaint(single, part));
    }
    let judged = name::judge(format, value)
        .or_else(|| net::judge(format, value))
        .or_else(|| guest::judge(format, value));
    match judged {
        Some((is_right, text)) => (!is_right).then_some(text),
        None => super::names::complaint(format, value)
            .or_else(|| host::complaint(format, value))
            .or_else(|| cluster::complaint(format, value)),
    }
}

/// Says what is wrong with a property string as a whole, whose parts are all right.
pub(super) fn of_whole(form: &str, parts: &super::Parts) -> Option<String> {
    guest::of_whole(form, parts)
}
