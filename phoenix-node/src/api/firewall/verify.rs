//! What is wrong with a rule: what it names must be there, and its parts must fit together.

use std::collections::BTreeMap;

use super::{macros, refs};
use crate::{
    api::schema::formats::{address, traffic},
    state::firewall::{Firewalls, Rule},
};

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Cluster,
    Node,
    Guest(u32),
    Vnet,
    Group,
}

/// Says what is wrong with a rule, by its properties; puts the version of IP that its addresses have into it, and the
/// name of its macro as it is written.
pub(super) fn verify(all: &Firewalls, place: &Place, rule: &mut Rule) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    let get = |rule: &Rule, key: &str| rule.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let mut complain = |key: &str, text: String| {
        errors.entry(key.to_owned()).or_insert(text);
    };
    let kind = get(rule, "type").unwrap_or_default();
    let action = get(rule, "action").unwrap_or_default();
    match (kind.as_str(), place) {
        ("group", Place::Group | Place::Vnet) => complain("type", "security groups not allowed".to_owned()),
        ("group", _) => {}
        ("forward", Place::Guest(_)) | ("in" | "out", Place::Vnet) => {
            complain("type", format!("unknown rule type '{kind}'"));
        }
        _ if !matches!(action.as_str(), "ACCEPT" | "DROP" | "REJECT") => {
            complain("action", format!("unknown action '{action}'"));
        }
        ("forward", _) if action == "REJECT" => {
            complain("action", format!("unknown action '{action}'"));
        }
        _ => {}
    }
    if let (Some(iface), Place::Guest(_)) = (get(rule, "iface"), place) {
        let digits = iface.strip_prefix("net").filter(|digits| !digits.is_empty());
        if digits.is_none_or(|digits| !digits.bytes().all(|byte| byte.is_ascii_digit())) {
            complain("iface", "value does not match the regex pattern 'net\\d+'".to_owned());
        }
    }
    if let Some(name) = get(rule, "macro") {
        match macros::find(&name) {
            Some(known) => drop(rule.insert("macro".to_owned(), known.into())),
            None => complain("macro", format!("unknown macro '{name}'")),
        }
    }
    check_traffic(rule, &mut complain);
    let mut version = None;
    for key in ["source", "dest"] {
        let Some(text) = get(rule, key) else { continue };
        match address_version(all, *place, &text) {
            Ok(found) if version.is_some() && found.is_some() && version != found => {
                complain(key, "detected mixed ipv4/ipv6 addresses in rule".to_owned());
            }
            Ok(found) => version = version.or(found),
            Err(text) => complain(key, text),
        }
    }
    if let Some(version) = version {
        rule.insert("ipversion".to_owned(), version.into());
    }
    errors
}

fn check_traffic(rule: &Rule, complain: &mut impl FnMut(&str, String)) {
    let get = |key: &str| rule.get(key).and_then(|value| value.as_str());
    // A macro brings its own protocol.
    let has_macro = get("macro").is_some();
    let proto = get("proto");
    for key in ["dport", "sport", "icmp-type"] {
        if get(key).is_some() && proto.is_none() && !has_macro {
            complain("proto", format!("missing property - '{key}' requires this property"));
        }
    }
    let Some(proto) = proto else { return };
    let icmp = traffic::icmp_version(proto);
    if let Some(ports) = get("dport") {
        match icmp {
            Some(version) if !traffic::has_icmp_type(version, ports) => {
                complain("dport", format!("invalid icmp-type '{ports}'"));
            }
            None if !traffic::has_ports(proto) => {
                complain("dport", format!("protocol '{proto}' does not support ports"));
            }
            Some(_) | None => {}
        }
    }
    if get("sport").is_some() && !traffic::has_ports(proto) {
        complain("sport", format!("protocol '{proto}' does not support ports"));
    }
    if let Some(kind) = get("icmp-type") {
        match icmp {
            None => complain("icmp-type", format!("cannot use icmp-type with protocol '{proto}'")),
            Some(version) if !traffic::has_icmp_type(version, kind) => {
                complain("icmp-type", format!("invalid icmp-type '{kind}'"));
            }
            Some(_) => {}
        }
    }
}

/// Returns the version of IP of a source or destination, if it has one; else what is wrong with it.
fn address_version(all: &Firewalls, place: Place, text: &str) -> Result<Option<u8>, String> {
    if let Some(name) = text.strip_prefix('+') {
        return match refs::has_ipset(all, place, name) {
            true => Ok(None),
            false => {
                let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
                Err(format!("no such ipset '{name}'"))
            }
        };
    }
    if refs::is_alias(text) {
        return refs::alias(all, place, text).map(|cidr| address::version(&cidr).ok());
    }
    address::list_version(text)
}
