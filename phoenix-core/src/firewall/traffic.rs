//! What a rule covers of a TCP connection: surely all of it, perhaps, or nothing. What cannot be told is `Perhaps`.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{FirewallNames, Rule};

/// How much of a connection a rule covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covers {
    /// Nothing of it.
    Nothing,
    /// Some of it, or it cannot be told.
    Perhaps,
    /// All of it.
    All,
}

/// New TCP connections to a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Where they come from.
    pub source: IpNet,
    /// The port that they go to.
    pub port: u16,
    /// The addresses that they go to; not known if there is none.
    pub addresses: BTreeSet<IpNet>,
}

/// What the macros let through that have to do with the management of nodes, and the most usual others. A macro that is
/// not here is for none of the ports here.
const MACROS: [(&str, &[u16]); 8] = [
    ("SSH", &[22]),
    ("HTTP", &[80]),
    ("HTTPS", &[443]),
    ("Web", &[80, 443]),
    ("DNS", &[53]),
    ("VNC", &[5900]),
    ("Squid", &[3128]),
    ("Ping", &[]),
];

/// Ports that PVE knows by name.
const PORTS: [(&str, u16); 6] =
    [("ssh", 22), ("domain", 53), ("http", 80), ("https", 443), ("nfs", 2049), ("sunrpc", 111)];

impl Flow {
    /// Returns how much of it a rule covers, whatever the rule's direction and action, if it is in force.
    pub fn covered_by(&self, rule: &Rule, names: &FirewallNames) -> Covers {
        let get = |key: &str| rule.get(key).map(String::as_str).filter(|text| !text.is_empty());
        let mut covers = match get("proto") {
            None | Some("tcp" | "6" | "all") => Covers::All,
            Some(_) => Covers::Nothing,
        };
        covers = covers.min(get("macro").map_or(Covers::All, |name| self.of_macro(name)));
        covers = covers.min(get("dport").map_or(Covers::All, |ports| self.of_ports(ports)));
        covers = covers.min(get("source").map_or(Covers::All, |text| covered(&[self.source], text, names)));
        let addresses: Vec<IpNet> = self.addresses.iter().copied().collect();
        covers = covers.min(match get("dest") {
            None => Covers::All,
            Some(_) if addresses.is_empty() => Covers::Perhaps,
            Some(text) => covered(&addresses, text, names),
        });
        // Which device they come in by, and from which port, is not known.
        if get("iface").is_some() || get("sport").is_some() { covers.min(Covers::Perhaps) } else { covers }
    }

    fn of_macro(&self, name: &str) -> Covers {
        let known = MACROS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let is_for = |ports: &[u16]| if ports.contains(&self.port) { Covers::All } else { Covers::Nothing };
        match known {
            Some((_, ports)) => is_for(ports),
            // No other macro is for ssh or the API.
            None if matches!(self.port, 22 | 8006) => Covers::Nothing,
            None => Covers::Perhaps,
        }
    }

    fn of_ports(&self, text: &str) -> Covers {
        let number = |text: &str| {
            let named = PORTS.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
            text.parse::<u16>().ok().or(named)
        };
        let of_part = |part: &str| {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            match (number(first.trim()), number(last.trim())) {
                (Some(first), Some(last)) if (first..=last).contains(&self.port) => Covers::All,
                (Some(_), Some(_)) => Covers::Nothing,
                _ => Covers::Perhaps,
            }
        };
        text.split(',').map(str::trim).map(of_part).max().unwrap_or(Covers::Nothing)
    }
}

/// Returns how much of these networks the source or destination of a rule covers.
fn covered(networks: &[IpNet], text: &str, names: &FirewallNames) -> Covers {
    networks.iter().map(|network| of_list(*network, text, names)).fold(None, worse).unwrap_or(Covers::All)
}

/// Joins what is covered of two networks: all only if it is all of both.
fn worse(one: Option<Covers>, other: Covers) -> Option<Covers> {
    Some(match one {
        None => other,
        Some(one) if one == other => one,
        Some(_) => Covers::Perhaps,
    })
}

fn of_list(network: IpNet, text: &str, names: &FirewallNames) -> Covers {
    text.split(',').map(str::trim).map(|part| of_part(network, part, names)).max().unwrap_or(Covers::Nothing)
}

fn of_part(network: IpNet, part: &str, names: &FirewallNames) -> Covers {
    if let Some(name) = part.strip_prefix('+') {
        return of_set(network, bare(name), names);
    }
    if let Some((first, last)) = part.split_once('-')
        && let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
    {
        let (from, to) = (network.network(), network.broadcast());
        return match from.is_ipv4() == first.is_ipv4() {
            true if first <= from && to <= last => Covers::All,
            true if first <= to && from <= last => Covers::Perhaps,
            true | false => Covers::Nothing,
        };
    }
    if let Some(other) = parse(part) {
        return overlap(network, other);
    }
    let wanted = bare(part);
    let alias = names.aliases.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let cidr = alias.and_then(|(_, alias)| parse(&alias.cidr));
    cidr.map_or(Covers::Perhaps, |other| overlap(network, other))
}

pub(super) fn of_set(network: IpNet, name: &str, names: &FirewallNames) -> Covers {
    let Some(set) = names.ipsets.get(name) else { return Covers::Perhaps };
    let (out, of): (Vec<&str>, Vec<&str>) =
        set.entries.iter().map(String::as_str).partition(|entry| entry.starts_with('!'));
    let most = |entries: &[&str]| {
        let entries = entries.iter().map(|entry| entry.trim_start_matches('!'));
        entries.map(|entry| of_part(network, entry, names)).max().unwrap_or(Covers::Nothing)
    };
    match (most(&of), most(&out)) {
        (covers, Covers::Nothing) => covers,
        (Covers::Nothing, _) | (_, Covers::All) => Covers::Nothing,
        (_, Covers::Perhaps) => Covers::Perhaps,
    }
}

fn overlap(network: IpNet, other: IpNet) -> Covers {
    match (other.contains(&network), network.contains(&other)) {
        (true, _) => Covers::All,
        (false, true) => Covers::Perhaps,
        (false, false) => Covers::Nothing,
    }
}

/// Returns a name without the level that it is of.
fn bare(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, name)| name)
}

/// Returns an address or network.
pub(super) fn parse(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
