//! What traffic a rule speaks of, as conditions for nftables.

use super::{addresses::Family, macros, words};
use crate::state::firewall::Rule;

/// One kind of traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// The only version of IP that it can have.
    pub(super) family: Option<Family>,
    /// The condition; empty for all.
    pub(super) condition: String,
}

/// The parts of a rule that say what traffic it is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) proto: Option<&'a str>,
    pub(super) dport: Option<&'a str>,
    pub(super) sport: Option<&'a str>,
    pub(super) icmp: Option<&'a str>,
}

/// Returns the kinds of traffic of a rule, or what of it is not known.
pub(super) fn of(rule: &Rule) -> Result<Vec<Traffic>, String> {
    let get = |key: &str| rule.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if let Some(name) = get("macro") {
        let parts = macros::find(name).ok_or_else(|| format!("the macro `{name}` is not known here"))?;
        return parts.iter().map(|parts| of_parts(*parts)).collect();
    }
    let parts =
        Parts { proto: get("proto"), dport: get("dport"), sport: get("sport"), icmp: get("icmp-type") };
    of_parts(parts).map(|traffic| vec![traffic])
}

fn of_parts(parts: Parts<'_>) -> Result<Traffic, String> {
    let Some(name) = parts.proto else {
        return match (parts.dport, parts.sport, parts.icmp) {
            (None, None, None) => Ok(Traffic::default()),
            _ => Err("its ports have no protocol".to_owned()),
        };
    };
    let number = words::protocol(name).ok_or_else(|| format!("the protocol `{name}` is not known here"))?;
    let family = match number {
        1 => Family::V4,
        58 => Family::V6,
        _ => return with_ports(number, parts),
    };
    // A type may stand where other protocols have ports.
    let kind = parts.icmp.or(parts.dport).filter(|kind| *kind != "any");
    let header = match family {
        Family::V4 => "icmp",
        Family::V6 => "icmpv6",
    };
    let condition = match kind {
        None => format!("meta l4proto {number}"),
        Some(text) => match words::icmp(family, text) {
            Some((kind, None)) => format!("{header} type {kind}"),
            Some((kind, Some(code))) => format!("{header} type {kind} {header} code {code}"),
            None => return Err(format!("the type of ICMP `{text}` is not known here")),
        },
    };
    Ok(Traffic { family: Some(family), condition })
}

fn with_ports(number: u8, parts: Parts<'_>) -> Result<Traffic, String> {
    // What has ports has them at the same place.
    let mut condition = format!("meta l4proto {number}");
    for (key, ports) in [("sport", parts.sport), ("dport", parts.dport)] {
        let Some(text) = ports else { continue };
        condition.push_str(&format!(" th {key} {}", list(text)?));
    }
    Ok(Traffic { family: None, condition })
}

/// Returns ports as a set, sorted and without overlaps.
fn list(text: &str) -> Result<String, String> {
    let mut ranges = Vec::new();
    for item in text.split(',').map(str::trim) {
        let (first, last) = item.split_once(':').unwrap_or((item, item));
        match (words::port(first), words::port(last)) {
            (Some(first), Some(last)) if first <= last => ranges.push((first, last)),
            _ => return Err(format!("the port `{item}` is not known here")),
        }
    }
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            Some(_) | None => merged.push((first, last)),
        }
    }
    let show = |&(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    Ok(format!("{{ {} }}", merged.iter().map(show).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(rule: serde_json::Value) -> Result<Vec<String>, String> {
        let traffic = of(rule.as_object().expect("is a rule"))?;
        Ok(traffic.into_iter().map(|traffic| traffic.condition).collect())
    }

    #[test]
    fn ports_are_sets_and_names_are_numbers() {
        assert_eq!(
            shown(json!({ "proto": "tcp", "dport": "8080,https,80:90,91", "sport": "1024:65535" })),
            Ok(vec!["meta l4proto 6 th sport { 1024-65535 } th dport { 80-91, 443, 8080 }".to_owned()])
        );
        assert_eq!(shown(json!({ "proto": "gre" })), Ok(vec!["meta l4proto 47".to_owned()]));
        assert_eq!(shown(json!({})), Ok(vec![String::new()]));
        assert_eq!(
            shown(json!({ "proto": "icmp", "icmp-type": "port-unreachable" })),
            Ok(vec!["icmp type 3 icmp code 3".to_owned()])
        );
        assert_eq!(
            shown(json!({ "proto": "ipv6-icmp", "dport": "echo-request" })),
            Ok(vec!["icmpv6 type 128".to_owned()])
        );
    }

    #[test]
    fn a_macro_brings_its_own_traffic_and_what_is_not_known_is_named() {
        assert_eq!(
            shown(json!({ "macro": "DNS", "dport": "1" })),
            Ok(vec![
                "meta l4proto 17 th dport { 53 }".to_owned(),
                "meta l4proto 6 th dport { 53 }".to_owned()
            ])
        );
        for (rule, name) in [
            (json!({ "macro": "Nope" }), "`Nope`"),
            (json!({ "proto": "tcp", "dport": "80 } ; flush ruleset" }), "flush"),
            (json!({ "proto": "nope" }), "`nope`"),
            (json!({ "proto": "icmp", "icmp-type": "nope" }), "`nope`"),
            (json!({ "dport": "80" }), "no protocol"),
        ] {
            let why = shown(rule).expect_err("is not known");
            assert!(why.contains(name), "{why}");
        }
    }
}
