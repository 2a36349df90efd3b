//! All rules as one text for `nft`, which takes it as one change: two tables of our own, and nothing besides them.
//!
//! Who sends a frame is known by the link that it comes from, and whom it goes to by the link that it leaves by; a table of
//! the bridge writes both into the packet's mark, where the rules of IP read them. What does not come over the bridge (from
//! the host, or passed on by it) is known by the address that it goes to. Each direction has base chains of its own: what
//! one accepts, the others still see.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde_json::{Map, Value};

use super::{
    addresses::{Addresses, Family},
    scene::{Net, Scene, is_on},
    sources::{self, Scope},
    write::{Way, Whose, Writer, verdict},
};

/// The name of our tables.
const TABLE: &str = "phoenix_firewall";
/// What the host and guests are told beside what belongs to a connection, when all else is dropped: why something failed.
const NEWS: [&str; 2] = ["icmp type { 3, 4, 11 } accept", "icmpv6 type { 1, 2, 3 } accept"];
/// Finding neighbours and routers.
const NEIGHBOURS: &str = "icmpv6 type { 133, 134, 135, 136 } accept";
/// More cards than marks would be two with one mark.
const MOST: usize = 0x7fff;

/// The rules, and what of the state could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ruleset {
    pub(super) text: String,
    /// Whether there is anything to hold traffic to.
    pub(super) is_enabled: bool,
    pub(super) warnings: BTreeSet<String>,
}

/// Lines of a text for `nft`.
struct Lines(String);

/// A card with its chains, under the number that is its mark.
struct Card<'a> {
    mark: usize,
    net: &'a Net,
    options: &'a Map<String, Value>,
}

/// Returns the rules that follow from a state.
pub(super) fn compile(scene: &Scene<'_>) -> Ruleset {
    let mut lines = Lines(String::new());
    for family in ["inet", "bridge"] {
        // Named before it is deleted, so that one that is not there is no error.
        lines.put(0, &format!("table {family} {TABLE}"));
        lines.put(0, &format!("delete table {family} {TABLE}"));
    }
    let cluster = &scene.firewalls.cluster.options;
    let mut writer = Writer { scene, warnings: BTreeSet::new() };
    if !is_on(cluster, "enable", false) {
        return Ruleset { text: lines.0, is_enabled: false, warnings: writer.warnings };
    }
    let cards = cards(scene, &mut writer.warnings);
    bridge(scene, &cards, &mut writer.warnings, &mut lines);
    lines.put(0, &format!("table inet {TABLE} {{"));
    lines.chain("refuse", |chain| {
        // Nobody answers what was not for him alone.
        chain.push("meta pkttype { broadcast, multicast } drop".to_owned());
        chain.push("meta l4proto tcp reject with tcp reset".to_owned());
        chain.push("reject with icmpx port-unreachable".to_owned());
    });
    if is_on(host_options(scene), "enable", true) {
        host(&mut writer, &mut lines);
    }
    if !cards.is_empty() {
        guests(&mut writer, &cards, &mut lines);
    }
    lines.put(0, "}");
    Ruleset { text: lines.0, is_enabled: true, warnings: writer.warnings }
}

fn host_options<'a>(scene: &'a Scene<'_>) -> &'a Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    scene.firewalls.nodes.get(scene.node).map_or(&NONE, |firewall| &firewall.options)
}

/// Returns the cards of guests whose firewall is on.
fn cards<'a>(scene: &'a Scene<'_>, warnings: &mut BTreeSet<String>) -> Vec<Card<'a>> {
    let on = scene.nets.iter().filter_map(|net| {
        let options = &scene.firewalls.guests.get(&net.vmid)?.options;
        is_on(options, "enable", false).then_some((net, options))
    });
    let mut found: Vec<Card<'a>> =
        on.enumerate().map(|(at, (net, options))| Card { mark: at + 1, net, options }).collect();
    for card in found.iter().skip(MOST) {
        warnings.insert(format!(
            "{} of guest {} is not held to rules: too many",
            card.net.key(),
            card.net.vmid
        ));
    }
    found.truncate(MOST);
    found
}

impl Card<'_> {
    fn chain(&self, what: &str) -> String {
        format!("{what}_{}i{}", self.net.vmid, self.net.index)
    }
}

/// Writes who is who on the bridge, and what nobody but the sender itself may send.
fn bridge(scene: &Scene<'_>, cards: &[Card<'_>], warnings: &mut BTreeSet<String>, lines: &mut Lines) {
    if cards.is_empty() {
        return;
    }
    lines.put(0, &format!("table bridge {TABLE} {{"));
    let mut guarded = Vec::new();
    for card in cards {
        let rules = guard(scene, card, warnings);
        if !rules.is_empty() {
            lines.chain(&card.chain("guard"), |chain| chain.extend(rules));
            guarded.push(card);
        }
    }
    lines.chain("come", |chain| {
        chain.push("type filter hook prerouting priority -300; policy accept;".to_owned());
        let marks = cards.iter().map(|card| format!("\"{}\" : {:#x}", card.net.link, card.mark));
        chain.push(format!("meta mark set iifname map {{ {} }}", joined(marks)));
        let jumps =
            guarded.iter().map(|card| format!("\"{}\" : jump {}", card.net.link, card.chain("guard")));
        if !guarded.is_empty() {
            chain.push(format!("iifname vmap {{ {} }}", joined(jumps)));
        }
    });
    lines.chain("go", |chain| {
        // Before the rules of IP see what crosses the bridge.
        chain.push("type filter hook forward priority -10; policy accept;".to_owned());
        for card in cards {
            let mark = card.mark << 16;
            chain.push(format!("oifname \"{}\" meta mark set meta mark | {mark:#x}", card.net.link));
        }
    });
    lines.put(0, "}");
}

/// Returns what a card may not send: frames of other hardware, and packets of other addresses.
fn guard(scene: &Scene<'_>, card: &Card<'_>, warnings: &mut BTreeSet<String>) -> Vec<String> {
    let (net, mut rules) = (card.net, Vec::new());
    if let Some(mac) = net.mac.filter(|_| is_on(card.options, "macfilter", true)) {
        rules.push(format!("ether saddr != {mac} drop"));
    }
    let name = format!("ipfilter-{}", net.key());
    let set = scene.firewalls.guests.get(&net.vmid).and_then(|firewall| firewall.ipsets.get(&name));
    if set.is_none() && !is_on(card.options, "ipfilter", false) {
        return rules;
    }
    let mut own = Addresses::default();
    if let Some(set) = set {
        match sources::of_set(scene, Scope::Guest(net.vmid), set) {
            Ok(found) => own.extend(&found),
            Err(why) => {
                warnings.insert(format!("the set `{name}` of guest {} is taken as empty: {why}", net.vmid));
            }
        }
    }
    if net.is_container {
        net.addresses.iter().for_each(|address| own.add(*address));
    }
    if let Some(mac) = net.mac {
        own.add(IpAddr::V6(mac.link_local()));
    }
    if own.of(Family::V4).is_empty() {
        warnings.insert(format!(
            "guest {} sends nothing of IPv4 on {}: its addresses are filtered, and `{name}` has none",
            net.vmid,
            net.key()
        ));
    } else {
        rules.push(format!("arp saddr ip != {} drop", own.of(Family::V4).show(Family::V4)));
    }
    if is_on(card.options, "dhcp", true) {
        rules.push("ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept".to_owned());
    }
    if is_on(card.options, "ndp", true) {
        rules.push("icmpv6 type { 133, 135, 136 } accept".to_owned());
    }
    for family in Family::ALL {
        let ranges = own.of(family);
        let kind = family.header();
        rules.push(match ranges.is_empty() {
            true => format!("ether type {kind} drop"),
            false => format!("{kind} saddr != {} drop", ranges.show(family)),
        });
    }
    rules
}

/// Writes what the node itself is held to: its own rules before those of the cluster.
fn host(writer: &mut Writer<'_>, lines: &mut Lines) {
    let scene = writer.scene;
    let (options, cluster) = (host_options(scene), &scene.firewalls.cluster);
    for (way, hook, link) in [(Way::In, "input", "iifname"), (Way::Out, "output", "oifname")] {
        let mut rules = Vec::new();
        if let Some(own) = scene.firewalls.nodes.get(scene.node) {
            rules.extend(writer.list(&own.rules, "the node", Whose::Host, way));
        }
        rules.extend(writer.list(&cluster.rules, "the cluster", Whose::Host, way));
        let managers = match way {
            Way::In => sources::management(scene),
            Way::Out => Ok(sources::local(scene)),
        };
        match managers {
            Ok(managers) => rules.extend(management(&managers, way)),
            Err(why) => drop(writer.warnings.insert(format!("nobody manages from afar: {why}"))),
        }
        rules.extend(policy(&cluster.options, way));
        lines.chain(&format!("host_{}", way.name()), |chain| {
            chain.push(format!("type filter hook {hook} priority filter; policy accept;"));
            chain.push(format!("{link} \"lo\" accept"));
            chain.push(state(options));
            chain.push("meta l4proto igmp accept".to_owned());
            if is_on(options, "ndp", true) {
                chain.push(NEIGHBOURS.to_owned());
            }
            chain.extend(rules);
        });
    }
}

/// Returns what management is let through, unless a rule before has said otherwise.
fn management(who: &Addresses, way: Way) -> Vec<String> {
    let key = match way {
        Way::In => "saddr",
        Way::Out => "daddr",
    };
    let mut rules = Vec::new();
    for family in Family::ALL.into_iter().filter(|family| !who.of(*family).is_empty()) {
        let set = format!("{} {key} {}", family.header(), who.of(family).show(family));
        // The API, displays by VNC and SPICE, ssh, and migration.
        rules.push(format!("{set} tcp dport {{ 22, 3128, 5900-5999, 8006, 60000-60050 }} accept"));
        rules.push(format!("{set} udp dport 5405-5412 accept"));
    }
    rules
}

/// Writes what guests are held to: what they send, to whomever, and what they get, from whomever.
fn guests(writer: &mut Writer<'_>, cards: &[Card<'_>], lines: &mut Lines) {
    for card in cards {
        for way in [Way::In, Way::Out] {
            let rules = of_card(writer, card, way);
            lines.chain(&card.chain(way.name()), |chain| chain.extend(rules));
        }
    }
    let state = state(host_options(writer.scene));
    let targets = targets(cards, &mut writer.warnings);
    for (name, hook) in [("sent", "forward"), ("sent_to_host", "input")] {
        lines.chain(name, |chain| {
            chain.push(format!("type filter hook {hook} priority filter + 1; policy accept;"));
            chain.push(state.clone());
            let jumps = cards.iter().map(|card| format!("{:#x} : jump {}", card.mark, card.chain("out")));
            chain.push(format!("meta mark & 0x0000ffff vmap {{ {} }}", joined(jumps)));
        });
    }
    for (name, hook) in [("got", "forward"), ("got_from_host", "output")] {
        lines.chain(name, |chain| {
            chain.push(format!("type filter hook {hook} priority filter + 2; policy accept;"));
            chain.push(state.clone());
            if hook == "forward" {
                let jumps =
                    cards.iter().map(|card| format!("{:#x} : jump {}", card.mark << 16, card.chain("in")));
                chain.push(format!("meta mark & 0xffff0000 vmap {{ {} }}", joined(jumps)));
            }
            for family in Family::ALL {
                let of_family = targets.iter().filter(|(address, _)| Family::of(address) == family);
                let jumps: Vec<String> = of_family
                    .map(|(address, card)| format!("{address} : jump {}", card.chain("in")))
                    .collect();
                if !jumps.is_empty() {
                    chain.push(format!("{} daddr vmap {{ {} }}", family.header(), joined(jumps)));
                }
            }
        });
    }
}

/// Returns whose each address is; of two that have one, who runs.
fn targets<'a, 'b>(cards: &'b [Card<'a>], warnings: &mut BTreeSet<String>) -> BTreeMap<IpAddr, &'b Card<'a>> {
    let mut found: BTreeMap<IpAddr, &Card<'a>> = BTreeMap::new();
    for card in cards {
        if card.net.addresses.is_empty() {
            warnings.insert(format!(
                "{} of guest {} has no fixed address: what it gets from its own bridge is held to rules, and \
                 nothing that the host sends or passes on to it",
                card.net.key(),
                card.net.vmid
            ));
        }
        for address in &card.net.addresses {
            let is_taken =
                found.get(address).is_some_and(|other| other.net.is_running || !card.net.is_running);
            if !is_taken {
                found.insert(*address, card);
            }
        }
    }
    found
}

fn of_card(writer: &mut Writer<'_>, card: &Card<'_>, way: Way) -> Vec<String> {
    let net = card.net;
    let whose = Whose::Guest { vmid: net.vmid, index: net.index };
    let mut chain = Vec::new();
    if is_on(card.options, "dhcp", true) {
        let (four, six) = match way {
            Way::In => ("udp sport 67 udp dport 68", "udp sport 547 udp dport 546"),
            Way::Out => ("udp sport 68 udp dport 67", "udp sport 546 udp dport 547"),
        };
        chain.push(format!("meta nfproto ipv4 {four} accept"));
        chain.push(format!("meta nfproto ipv6 {six} accept"));
    }
    if way == Way::Out && !is_on(card.options, "radv", false) {
        chain.push("icmpv6 type 134 drop".to_owned());
    }
    if is_on(card.options, "ndp", true) {
        chain.push(NEIGHBOURS.to_owned());
    }
    if let Some(firewall) = writer.scene.firewalls.guests.get(&net.vmid) {
        chain.extend(writer.list(&firewall.rules, &format!("guest {}", net.vmid), whose, way));
    }
    chain.extend(policy(card.options, way));
    chain
}

/// Returns what is done with all that no rule has spoken of: nothing comes in, and everything goes out, unless said
/// otherwise.
fn policy(options: &Map<String, Value>, way: Way) -> Vec<String> {
    let (key, default) = match way {
        Way::In => ("policy_in", "drop"),
        Way::Out => ("policy_out", "accept"),
    };
    let said = options.get(key).and_then(Value::as_str).and_then(verdict).unwrap_or(default);
    let news = NEWS.into_iter().filter(|_| said != "accept").map(str::to_owned);
    news.chain([said.to_owned()]).collect()
}

/// Returns the rule for what belongs to a connection that was let through.
fn state(options: &Map<String, Value>) -> String {
    let invalid = if is_on(options, "nf_conntrack_allow_invalid", false) { "" } else { ", invalid : drop" };
    format!("ct state vmap {{ established : accept, related : accept{invalid} }}")
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(", ")
}

impl Lines {
    fn put(&mut self, depth: usize, line: &str) {
        self.0.push_str(&"    ".repeat(depth));
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn chain(&mut self, name: &str, fill: impl FnOnce(&mut Vec<String>)) {
        let mut rules = Vec::new();
        fill(&mut rules);
        self.put(1, &format!("chain {name} {{"));
        rules.iter().for_each(|rule| self.put(2, rule));
        self.put(1, "}");
    }
}
