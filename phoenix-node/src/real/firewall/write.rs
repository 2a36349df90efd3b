//! A rule of the API as lines for nftables, and what is said of rules that cannot be.

use std::collections::BTreeSet;

use super::{
    addresses::{Addresses, Family},
    scene::Scene,
    sources::{self, Scope},
    traffic::{self, Traffic},
};
use crate::state::firewall::Rule;

/// Which way traffic goes, seen from who is held to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// Who is held to rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Host,
    /// A card of a guest, by its number.
    Guest {
        vmid: u32,
        index: u32,
    },
}

/// Writes rules as lines, and gathers what of them cannot be written.
pub(super) struct Writer<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) warnings: BTreeSet<String>,
}

impl Way {
    /// Returns how rules and chains call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Returns a verdict as nftables says it, of an action or a policy.
pub(super) fn verdict(action: &str) -> Option<&'static str> {
    match action {
        "ACCEPT" => Some("accept"),
        "DROP" => Some("drop"),
        "REJECT" => Some("goto refuse"),
        _ => None,
    }
}

impl Writer<'_> {
    /// Writes a list of rules in one direction. `place` says whose list it is, for what is wrong with it.
    pub(super) fn list(&mut self, rules: &[Rule], place: &str, whose: Whose, way: Way) -> Vec<String> {
        let scope = match whose {
            Whose::Host => Scope::Cluster,
            Whose::Guest { vmid, .. } => Scope::Guest(vmid),
        };
        let mut lines = Vec::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| is_enabled(rule)) {
            let text = |key: &str| rule.get(key).and_then(|value| value.as_str());
            let wrote = match text("type") {
                Some("group") => self.group(rule, whose, way),
                Some(kind) if kind == way.name() => self.one(rule, None, scope, whose),
                Some("forward") if way == Way::In => {
                    Err("traffic that the node passes on is not held to rules here".to_owned())
                }
                Some(_) | None => Ok(Vec::new()),
            };
            match wrote {
                Ok(more) => lines.extend(more),
                Err(why) => drop(self.warnings.insert(format!("rule {at} of {place} is left out: {why}"))),
            }
        }
        lines
    }

    /// Writes the rules of a security group where another rule names it.
    fn group(&mut self, rule: &Rule, whose: Whose, way: Way) -> Result<Vec<String>, String> {
        let name = rule.get("action").and_then(|value| value.as_str()).unwrap_or_default();
        let group = self.scene.firewalls.groups.get(name);
        let group = group.ok_or_else(|| format!("there is no security group `{name}`"))?;
        let outer = rule.get("iface").and_then(|value| value.as_str());
        if !is_of_card(outer, whose) {
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        for (at, rule) in group.rules.iter().enumerate().filter(|(_, rule)| is_enabled(rule)) {
            if rule.get("type").and_then(|value| value.as_str()) != Some(way.name()) {
                continue;
            }
            // What a group names is the cluster's, whoever uses the group.
            match self.one(rule, outer, Scope::Cluster, whose) {
                Ok(more) => lines.extend(more),
                Err(why) => {
                    self.warnings.insert(format!("rule {at} of the group `{name}` is left out: {why}"));
                }
            }
        }
        Ok(lines)
    }

    /// Writes a rule: a line for each version of IP and kind of traffic that it speaks of.
    fn one(
        &self,
        rule: &Rule,
        outer: Option<&str>,
        scope: Scope,
        whose: Whose,
    ) -> Result<Vec<String>, String> {
        let text = |key: &str| rule.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
        let action = text("action").unwrap_or_default();
        let verdict = verdict(action).ok_or_else(|| format!("the action `{action}` is not known here"))?;
        let mut links = String::new();
        for iface in [outer, text("iface")].into_iter().flatten() {
            match whose {
                Whose::Guest { .. } if is_of_card(Some(iface), whose) => {}
                Whose::Guest { .. } => return Ok(Vec::new()),
                Whose::Host if is_link(iface) => {
                    let key = if text("type") == Some("out") { "oifname" } else { "iifname" };
                    links.push_str(&format!("{key} \"{iface}\" "));
                }
                Whose::Host => return Err(format!("`{iface}` is no name of an interface")),
            }
        }
        let side = |key: &str| text(key).map(|text| sources::resolve(self.scene, scope, text)).transpose();
        let (source, dest) = (side("source")?, side("dest")?);
        let mut lines = Vec::new();
        for traffic in traffic::of(rule)? {
            for condition in conditions(source.as_ref(), dest.as_ref(), &traffic) {
                lines.push(format!("{links}{condition}{verdict}"));
            }
        }
        Ok(lines)
    }
}

/// Returns the conditions that addresses and traffic come to, each with a space behind it: one where the version of IP
/// does not matter, else one for each version that all parts can have.
fn conditions(source: Option<&Addresses>, dest: Option<&Addresses>, traffic: &Traffic) -> Vec<String> {
    let what = match traffic.condition.as_str() {
        "" => String::new(),
        condition => format!("{condition} "),
    };
    if source.is_none() && dest.is_none() {
        return vec![what];
    }
    let families = Family::ALL.into_iter().filter(|family| traffic.family.is_none_or(|only| only == *family));
    let of = |family: Family| {
        let mut text = String::new();
        for (key, side) in [("saddr", source), ("daddr", dest)] {
            let Some(ranges) = side.map(|side| side.of(family)) else { continue };
            if ranges.is_empty() {
                return None;
            }
            match ranges.is_all(family) {
                true => text.push_str(&format!("meta nfproto {} ", family.name())),
                false => text.push_str(&format!("{} {key} {} ", family.header(), ranges.show(family))),
            }
        }
        Some(text + &what)
    };
    families.filter_map(of).collect()
}

fn is_enabled(rule: &Rule) -> bool {
    super::scene::is_on(rule, "enable", false)
}

/// Tells whether what a rule says of an interface lets it hold for this card; on the host it is a condition of its own.
fn is_of_card(iface: Option<&str>, whose: Whose) -> bool {
    match (iface, whose) {
        (None, _) | (Some(_), Whose::Host) => true,
        (Some(iface), Whose::Guest { index, .. }) => iface == format!("net{index}"),
    }
}

/// Tells whether a text can be the name of an interface, and nothing else.
fn is_link(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
