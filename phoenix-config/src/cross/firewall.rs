//! Firewall rules: repeated, covered, missing, or open to everybody.

use std::collections::BTreeSet;

use super::Check;
use crate::{
    format::firewall::{ClusterFirewall, Direction, Rule, Verdict},
    model::{Entry, Guest, HYPERVISOR_FILE, Spot},
    shape::ports,
};

/// A rule and where it stands.
pub(crate) struct RuleAt<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) spot: Spot,
}

pub(super) fn check(check: &mut Check<'_>) {
    let mut all: Vec<Rule> = Vec::new();
    let misplaced = super::firewall_in_shared_volumes(check.model);
    let cluster = match (&check.model.hypervisor.firewall, &misplaced) {
        (Some(firewall), _) => Some((firewall, "/firewall/global_firewall_rules")),
        (None, Some(firewall)) => Some((firewall, "/shared_volumes/firewall/global_firewall_rules")),
        (None, None) => None,
    };
    if let Some((firewall, pointer)) = cluster {
        let rules = at(&firewall.global_firewall_rules, &Spot::new(HYPERVISOR_FILE, pointer));
        repeated(check, &rules);
        open(check, &rules);
        management(check, firewall, &Spot::new(HYPERVISOR_FILE, pointer));
        all.extend(firewall.global_firewall_rules.iter().cloned());
    }
    for guest in check.guests {
        let Some(firewall) = guest.firewall else { continue };
        let rules = at(&firewall.rules, &guest.spot.at("firewall/rules"));
        repeated(check, &rules);
        open(check, &rules);
        repeated_by_stacks(check, guest, &rules);
        all.extend(firewall.rules.iter().cloned());
    }
    for files in check.model.stacks.values() {
        for (name, environment) in files.manifest.iter().flat_map(|manifest| &manifest.environments) {
            let spot = Spot::new(&files.manifest_file, format!("/environments/{name}/firewall_rules"));
            let rules = at(&environment.firewall_rules, &spot);
            repeated(check, &rules);
            open(check, &rules);
        }
    }
    let distinct: BTreeSet<String> = all.iter().map(effect).collect();
    if distinct.len() < all.len() {
        let pointer = cluster.map_or("", |(_, pointer)| pointer);
        let spot = Spot::new(HYPERVISOR_FILE, pointer);
        let message = format!(
            "{} firewall rules of the host and its guests, {} of them distinct",
            all.len(),
            distinct.len()
        );
        check.note(
            &spot,
            "firewall-total",
            message,
            "the same packet may be allowed at both ends; repeated rules are reported at their places",
        );
    }
}

/// Tells whether two rules match the same packets with the same verdict, whatever their comments say.
pub(crate) fn same_effect(left: &Rule, right: &Rule) -> bool {
    effect(left) == effect(right)
}

/// Tells whether everything that `inner` matches is matched by `outer`, with the same verdict.
pub(crate) fn subsumes(outer: &Rule, inner: &Rule) -> bool {
    let covers = |outer: &Option<String>, inner: &Option<String>| outer.is_none() || outer == inner;
    let covers_ports = match (&outer.port, &inner.port) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => match (ports(outer), ports(inner)) {
            (Some(outer), Some(inner)) => {
                inner.iter().all(|(first, last)| outer.iter().any(|(from, to)| from <= first && last <= to))
            }
            _ => outer == inner,
        },
    };
    outer.direction == inner.direction
        && outer.action == inner.action
        && covers(&outer.proto, &inner.proto)
        && covers(&outer.source, &inner.source)
        && covers(&outer.dest, &inner.dest)
        && covers_ports
}

fn effect(rule: &Rule) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "{:?} {:?} {} {} {} {}",
        rule.direction,
        rule.action,
        text(&rule.proto),
        text(&rule.source),
        text(&rule.dest),
        text(&rule.port)
    )
}

fn at<'a>(rules: &'a [Rule], spot: &Spot) -> Vec<RuleAt<'a>> {
    rules.iter().enumerate().map(|(index, rule)| RuleAt { rule, spot: spot.at(&index.to_string()) }).collect()
}

fn repeated(check: &mut Check<'_>, rules: &[RuleAt<'_>]) {
    for (index, later) in rules.iter().enumerate() {
        let Some(earlier) = rules[..index].iter().find(|earlier| subsumes(earlier.rule, later.rule)) else {
            continue;
        };
        let first = check.line(&earlier.spot);
        let message = if earlier.rule == later.rule {
            "this firewall rule is given before".to_owned()
        } else if same_effect(earlier.rule, later.rule) {
            "this firewall rule differs from an earlier one only in its comment".to_owned()
        } else {
            "an earlier firewall rule matches everything that this one does".to_owned()
        };
        let code = if same_effect(earlier.rule, later.rule) { "duplicate-rule" } else { "subsumed-rule" };
        check.warning(&later.spot, code, message, format!("remove it; {first} does it"));
    }
}

fn open(check: &mut Check<'_>, rules: &[RuleAt<'_>]) {
    for RuleAt { rule, spot } in rules {
        if rule.direction != Direction::In || rule.action != Verdict::Accept || rule.source.is_some() {
            continue;
        }
        let port = rule.port.as_deref().unwrap_or("every port");
        let message = format!("{port} is open to every address");
        // A gateway is there for everybody; anything else most likely is not.
        if ["80", "443", "80,443"].contains(&port) {
            check.note(spot, "any-source", message, "add `source` if it is not for everybody");
        } else {
            check.warning(
                spot,
                "any-source",
                message,
                "add `source`, for instance the network of the guests",
            );
        }
    }
}

fn management(check: &mut Check<'_>, firewall: &ClusterFirewall, spot: &Spot) {
    let drops = matches!(firewall.default_input_policy, Some(Verdict::Drop | Verdict::Reject) | None);
    // Where it is said how services are published, the rule follows from that.
    if !firewall.enabled || !drops || check.model.hypervisor.publishing.is_some() {
        return;
    }
    let allows = |port: u16| {
        firewall.global_firewall_rules.iter().any(|rule| {
            let has_port = match rule.port.as_deref().map(ports) {
                None => true,
                Some(Some(ranges)) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&port)),
                Some(None) => false,
            };
            rule.direction == Direction::In
                && rule.action == Verdict::Accept
                && has_port
                && rule.proto.as_deref().is_none_or(|proto| proto == "tcp")
        })
    };
    let missing: Vec<&str> = [(22, "22 (SSH)"), (8006, "8006 (web interface)")]
        .into_iter()
        .filter(|(port, _)| !allows(*port))
        .map(|(_, name)| name)
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "no rule allows {} to the host, and what no rule allows is dropped",
            missing.join(" and ")
        );
        let hint = "add rules for 22 and 8006 from where you administer the host";
        check.warning(spot, "no-management-rule", message, hint);
    }
}

fn repeated_by_stacks(check: &mut Check<'_>, guest: &Guest<'_>, rules: &[RuleAt<'_>]) {
    let Entry::Vm(vm) = guest.entry else { return };
    for stack in &vm.docker_stacks {
        let Some(files) = check.model.stacks.get(stack) else { continue };
        let environments = files.manifest.iter().flat_map(|manifest| &manifest.environments);
        for (name, environment) in environments.filter(|(name, _)| *name == "production") {
            for (index, rule) in environment.firewall_rules.iter().enumerate() {
                let Some(own) = rules.iter().find(|own| same_effect(own.rule, rule)) else { continue };
                let there =
                    Spot::new(&files.manifest_file, format!("/environments/{name}/firewall_rules/{index}"));
                let line = check.line(&there);
                let message = format!("the stack `{stack}` brings this firewall rule itself");
                check.warning(&own.spot, "duplicate-rule", message, format!("remove it; {line} does it"));
            }
        }
    }
}
