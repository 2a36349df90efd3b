//! A walk: what becomes of a new connection to a node, rule by rule, as Proxmox VE's firewall decides it. Where something
//! cannot be told, it is taken not to let in and to block.

use super::{
    FirewallNames, FirewallState, Rule,
    traffic::{Covers, Flow, of_set},
};

/// The firewalls that a connection to a node meets.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// The cluster's.
    pub cluster: &'a FirewallState,
    /// The node's own.
    pub node: Option<&'a FirewallState>,
    /// The names of the cluster.
    pub names: &'a FirewallNames,
}

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is let in.
    Accepted,
    /// It is not.
    Blocked(Blocker),
}

/// What blocks a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// A rule of the cluster's firewall.
    ClusterRule(usize),
    /// A rule of the node's firewall.
    NodeRule(usize),
    /// No rule lets it in, and this is what happens then.
    Policy(String),
}

/// What a list of rules says.
enum Said {
    Accepted,
    Blocked(usize),
    Nothing,
}

/// The ports that PVE opens by itself for the set of addresses `management`.
const MANAGEMENT: [std::ops::RangeInclusive<u16>; 4] = [8006..=8006, 22..=22, 3128..=3128, 5900..=5999];

impl Host<'_> {
    /// Returns what becomes of connections to the node.
    pub fn fate(&self, flow: &Flow) -> Fate {
        let option = |state: &FirewallState, key: &str| state.options.get(key).cloned();
        let is_off = |state: &FirewallState, default: &str| {
            option(state, "enable").unwrap_or_else(|| default.to_owned()) == "0"
        };
        // The whole firewall is off until it is switched on, a node's own is on until it is switched off.
        if is_off(self.cluster, "0") || self.node.is_some_and(|node| is_off(node, "1")) {
            return Fate::Accepted;
        }
        let node = self.node.map_or(Said::Nothing, |node| self.list(flow, &node.rules));
        match (node, self.list(flow, &self.cluster.rules)) {
            (Said::Accepted, _) | (Said::Nothing, Said::Accepted) => return Fate::Accepted,
            (Said::Blocked(pos), _) => return Fate::Blocked(Blocker::NodeRule(pos)),
            (Said::Nothing, Said::Blocked(pos)) => return Fate::Blocked(Blocker::ClusterRule(pos)),
            (Said::Nothing, Said::Nothing) => {}
        }
        let is_management = MANAGEMENT.iter().any(|ports| ports.contains(&flow.port));
        if is_management
            && of_set(flow.source, "management", self.names) == Covers::All
            && self.names.ipsets.contains_key("management")
        {
            return Fate::Accepted;
        }
        match option(self.cluster, "policy_in").as_deref() {
            Some("ACCEPT") => Fate::Accepted,
            policy => Fate::Blocked(Blocker::Policy(policy.unwrap_or("DROP").to_owned())),
        }
    }

    fn list(&self, flow: &Flow, rules: &[Rule]) -> Said {
        for (pos, rule) in rules.iter().enumerate().filter(|(_, rule)| is_on(rule)) {
            let get = |key: &str| rule.get(key).map_or("", String::as_str);
            let covers = flow.covered_by(rule, self.names);
            let group = self.names.groups.get(get("action")).filter(|_| get("type") == "group");
            match (get("type"), get("action"), covers) {
                (_, _, Covers::Nothing) => {}
                ("in", "ACCEPT", Covers::All) => return Said::Accepted,
                ("in", "DROP" | "REJECT", _) => return Said::Blocked(pos),
                ("group", ..) => match group.map(|rules| self.list(flow, rules)) {
                    Some(Said::Accepted) if covers == Covers::All => return Said::Accepted,
                    Some(Said::Blocked(_)) => return Said::Blocked(pos),
                    Some(Said::Accepted | Said::Nothing) | None => {}
                },
                _ => {}
            }
        }
        Said::Nothing
    }
}

/// Tells whether a rule is in force.
pub fn is_on(rule: &Rule) -> bool {
    rule.get("enable").is_some_and(|enable| enable != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        let on = [("enable".to_owned(), "1".to_owned())];
        text.split(' ').filter_map(|pair| pair.split_once('=')).fold(
            on.into(),
            |mut rule: Rule, (key, value)| {
                rule.insert(key.to_owned(), value.to_owned());
                rule
            },
        )
    }

    fn state(options: &str, rules: &[&str]) -> FirewallState {
        let mut options = rule(options);
        options.entry("enable".to_owned()).or_insert_with(|| "1".to_owned());
        FirewallState { options, rules: rules.iter().map(|text| rule(text)).collect(), ..Default::default() }
    }

    fn fate(cluster: &FirewallState, node: Option<&FirewallState>) -> Fate {
        let names: FirewallNames = serde_json::from_value(serde_json::json!({
            "aliases": { "Office": { "cidr": "10.0.0.0/16" } },
            "ipsets": {
                "all": { "entries": ["10.0.0.0/8", "!10.9.0.0/16"] },
                "some": { "entries": ["10.0.0.0/8", "!10.0.0.7"] },
            },
            "groups": { "in": [{ "type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "22", "enable": "1" }] },
        }))
        .unwrap();
        let source = "10.0.0.0/24".parse().unwrap();
        Host { cluster, node, names: &names }.fate(&Flow { source, port: 22, addresses: [].into() })
    }

    #[test]
    fn the_first_rule_that_surely_lets_in_or_perhaps_blocks_decides() {
        let blocked = |pos| Fate::Blocked(Blocker::ClusterRule(pos));
        let policy = || Fate::Blocked(Blocker::Policy("DROP".to_owned()));
        for (rules, expected) in [
            (&["type=in action=ACCEPT"][..], Fate::Accepted),
            (&["type=in action=ACCEPT proto=tcp dport=20:30,443 source=10.0.0.0/8"], Fate::Accepted),
            (&["type=in action=ACCEPT macro=SSH source=dc/office"], Fate::Accepted),
            (&["type=in action=ACCEPT source=10.0.0.0-10.0.1.0"], Fate::Accepted),
            (&["type=in action=ACCEPT source=+all"], Fate::Accepted),
            (&["type=group action=in"], Fate::Accepted),
            (&["type=in action=ACCEPT source=+some"], policy()),
            (&["type=in action=ACCEPT source=10.0.0.0/25"], policy()),
            (&["type=in action=ACCEPT proto=udp"], policy()),
            (&["type=in action=ACCEPT iface=vmbr0"], policy()),
            (&["type=in action=ACCEPT dest=10.0.0.13"], policy()),
            (&["type=in action=ACCEPT enable=0"], policy()),
            (&["type=out action=ACCEPT"], policy()),
            (&["type=in action=ACCEPT macro=HTTPS"], policy()),
            (&["type=in action=DROP source=10.0.0.9", "type=in action=ACCEPT"], blocked(0)),
            (&["type=in action=DROP source=10.1.0.0/16", "type=in action=ACCEPT"], Fate::Accepted),
            (&["type=out action=DROP", "type=in action=REJECT dport=22 proto=tcp"], blocked(1)),
            (&["type=in action=DROP macro=Ceph", "type=in action=ACCEPT"], Fate::Accepted),
        ] {
            assert_eq!(fate(&state("", rules), None), expected, "{rules:?}");
        }
    }

    #[test]
    fn a_node_s_rules_stand_before_the_cluster_s_and_a_switch_before_both() {
        let drop = state("", &["type=in action=DROP"]);
        let accept = state("", &["type=in action=ACCEPT"]);
        assert_eq!(fate(&drop, Some(&accept)), Fate::Accepted);
        assert_eq!(fate(&accept, Some(&drop)), Fate::Blocked(Blocker::NodeRule(0)));
        assert_eq!(fate(&accept, Some(&state("enable=0", &["type=in action=DROP"]))), Fate::Accepted);
        assert_eq!(fate(&state("enable=0", &["type=in action=DROP"]), None), Fate::Accepted);
        assert_eq!(fate(&state("policy_in=ACCEPT", &[]), None), Fate::Accepted);
        assert_eq!(fate(&FirewallState::default(), None), Fate::Accepted);
    }
}
