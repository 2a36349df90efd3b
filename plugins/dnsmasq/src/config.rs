//! What the user writes for `dnsmasq`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `dnsmasq`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The addresses of this site that it answers at.
    pub listen: Vec<String>,
    /// The domain of the names, for instance `lab.example`: whoever asks for one in it that is not there is told so, and
    /// nobody else is asked.
    #[serde(default)]
    pub domain: Option<String>,
    /// The names. The first one of an address is what the address itself is called.
    #[serde(default)]
    pub records: Vec<Record>,
    /// Name servers that all else is asked of, as `ADDRESS` or `ADDRESS#PORT`. Without any, nothing else is answered.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// Another view of the names, for clients who ask at other addresses.
    #[serde(default)]
    pub outside: Option<Outside>,
    /// Whether answers from `upstream` with private addresses are refused, as a browser's guard against pages that
    /// become a neighbour. So by default, unless a server in `upstream` is a private one itself.
    #[serde(default)]
    pub stop_rebind: Option<bool>,
    /// Whether this site itself asks it, by its `/etc/resolv.conf`. So on a host by default, and not possible in a guest,
    /// where Proxmox VE writes that file.
    #[serde(default)]
    pub manage_resolv_conf: Option<bool>,
    /// Where short names are looked for, in `/etc/resolv.conf`; the domain, if not given.
    #[serde(default)]
    pub search: Option<Vec<String>>,
}

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The name, with or without the domain.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// A text that goes with it.
    #[serde(default)]
    pub txt: Option<String>,
}

/// What others are told. Nothing but these names is answered there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The addresses of this site that it is told at.
    pub listen: Vec<String>,
    /// What all names in `records` of the inside are there. Either this or `records`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The names, if not all or not all the same.
    #[serde(default)]
    pub records: Vec<Record>,
}

impl Config {
    /// Returns a name with its domain, in lower case.
    pub fn full_name(&self, name: &str) -> String {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match &self.domain {
            Some(domain) if !name.contains('.') && !name.eq_ignore_ascii_case(domain) => {
                format!("{name}.{}", domain.to_ascii_lowercase())
            }
            Some(_) | None => name,
        }
    }

    /// Returns the names that are told outside.
    pub fn outside_records(&self, outside: &Outside) -> Vec<Record> {
        if !outside.records.is_empty() {
            return outside.records.clone();
        }
        let told = |record: &Record| Record { addresses: outside.addresses.clone(), ..record.clone() };
        self.records.iter().map(told).collect()
    }

    /// Tells whether answers with private addresses are refused.
    pub fn stops_rebind(&self) -> bool {
        let is_public =
            |server: &String| server_address(server).is_some_and(|(address, _)| !is_private(address));
        self.stop_rebind.unwrap_or_else(|| self.upstream.iter().all(is_public))
    }

    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let mut taken = BTreeMap::new();
        listen(&mut problems, &mut taken, "/listen", &self.listen);
        if let Some(domain) = self.domain.as_ref().filter(|domain| !is_name(domain)) {
            problems.add("/domain", format!("`{domain}` is no name of a domain"));
        }
        for (at, server) in self.upstream.iter().enumerate() {
            let pointer = format!("/upstream/{at}");
            match server_address(server) {
                None => problems.add(pointer, format!("`{server}` is neither `ADDRESS` nor `ADDRESS#PORT`")),
                Some((address, None)) if taken.contains_key(&address) => problems.refuse(
                    pointer,
                    format!("`{server}` is this server itself"),
                    "name a server that knows other names",
                ),
                Some(_) => {}
            }
        }
        self.records_of(&mut problems, "/records", &self.records);
        for (at, name) in self.search.iter().flatten().enumerate().filter(|(_, name)| !is_name(name)) {
            problems.add(format!("/search/{at}"), format!("`{name}` is no name of a domain"));
        }
        if let Some(outside) = &self.outside {
            listen(&mut problems, &mut taken, "/outside/listen", &outside.listen);
            match (outside.addresses.is_empty(), outside.records.is_empty()) {
                (true, true) | (false, false) => problems.add(
                    "/outside",
                    "either `addresses`, what all names are outside, or `records` is needed",
                ),
                (true, false) | (false, true) => {}
            }
            addresses(&mut problems, "/outside/addresses", &outside.addresses);
            self.records_of(&mut problems, "/outside/records", &outside.records);
        }
        problems
    }

    fn records_of(&self, problems: &mut Problems, place: &str, records: &[Record]) {
        let mut names = BTreeSet::new();
        for (at, record) in records.iter().enumerate() {
            let (name, pointer) = (&record.name, format!("{place}/{at}"));
            let full = self.full_name(name);
            if name.starts_with("*.") {
                problems.refuse(
                    format!("{pointer}/name"),
                    format!("`{name}` would be all names below one"),
                    "write each name, so that one that nobody has declared is not there",
                );
            } else if !is_name(&full) {
                problems.add(format!("{pointer}/name"), format!("`{name}` is no name of a host"));
            } else if !names.insert(full) {
                problems.refuse(
                    format!("{pointer}/name"),
                    format!("the name `{name}` is there twice"),
                    "declare it once, with all its addresses",
                );
            }
            if record.addresses.is_empty() {
                problems.add(format!("{pointer}/addresses"), format!("`{name}` has no address"));
            }
            addresses(problems, &format!("{pointer}/addresses"), &record.addresses);
            if record.txt.as_ref().is_some_and(|text| !is_text(text)) {
                let wanted = "one line of at most 255 bytes without quotes and backslashes";
                problems.add(format!("{pointer}/txt"), format!("the text of `{name}` is not {wanted}"));
            }
        }
    }
}

/// Reads a server in `upstream`.
pub(crate) fn server_address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    match text.split_once('#') {
        Some((address, port)) => {
            Some((address.parse().ok()?, Some(port.parse().ok().filter(|port| *port > 0)?)))
        }
        None => Some((text.parse().ok()?, None)),
    }
}

fn listen(problems: &mut Problems, taken: &mut BTreeMap<IpAddr, String>, place: &str, given: &[String]) {
    if given.is_empty() {
        problems.add(place, "it needs an address to answer at");
    }
    addresses(problems, place, given);
    for (at, text) in given.iter().enumerate() {
        let Ok(address) = text.parse::<IpAddr>() else { continue };
        let pointer = format!("{place}/{at}");
        if address.is_unspecified() {
            problems.refuse(
                pointer,
                format!("`{text}` would be every address"),
                "name the addresses that clients ask at",
            );
        } else if let Some(other) = taken.insert(address, pointer.clone()) {
            problems.add(pointer, format!("`{text}` is taken by `{other}` already"));
        }
    }
}

fn addresses(problems: &mut Problems, place: &str, given: &[String]) {
    for (at, text) in given.iter().enumerate() {
        match text.parse::<IpAddr>() {
            Err(_) => problems.add(format!("{place}/{at}"), format!("`{text}` is no address")),
            Ok(address) if address.is_multicast() => {
                problems.add(format!("{place}/{at}"), format!("`{text}` is the address of a group"));
            }
            Ok(_) => {}
        }
    }
}

/// Tells whether a text is a name of a host or a domain. An underscore is no letter of one, and in use.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_number = text.parse::<IpAddr>().is_ok();
    text.len() <= 253 && !is_number && text.split('.').all(is_label)
}

fn is_text(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text.contains(|letter: char| letter.is_control() || "\"\\".contains(letter))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_in_the_domain_and_long_ones_are_what_they_are() {
        let config = Config { domain: Some("Lab.example".to_owned()), ..Config::default() };
        assert_eq!(config.full_name("CA"), "ca.lab.example");
        assert_eq!(config.full_name("a.b.example."), "a.b.example");
        assert_eq!(Config::default().full_name("ca"), "ca");
    }

    #[test]
    fn answers_with_private_addresses_are_refused_unless_such_a_server_is_asked() {
        let with = |upstream: &[&str], said| Config {
            upstream: upstream.iter().map(|&server| server.to_owned()).collect(),
            stop_rebind: said,
            ..Config::default()
        };
        assert!(with(&["1.1.1.1", "2620:fe::fe#53"], None).stops_rebind());
        assert!(!with(&["1.1.1.1", "192.168.1.1"], None).stops_rebind());
        assert!(with(&["192.168.1.1"], Some(true)).stops_rebind());
        assert!(!with(&["1.1.1.1"], Some(false)).stops_rebind());
    }

    #[test]
    fn names_are_those_that_a_server_can_have() {
        for good in ["a", "ca.lab.example", "_acme.x", "1a.example"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "a..b", "-a", "a b", "a/b", "10.0.0.1", "ü.example", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
