//! What is wrong with a spec by itself.

use std::collections::BTreeSet;

use phoenix_core::{Diagnostic, Diagnostics, FirewallScope, Place, firewall::mark};

use super::{Direction, FirewallSpec, RuleSpec};

/// Returns everything that is wrong with a spec.
pub(super) fn verify(spec: &FirewallSpec) -> Diagnostics {
    let mut findings = Diagnostics::new();
    let mut keys = BTreeSet::new();
    for (number, rule) in spec.rules.iter().enumerate() {
        let mut complain = |what: String, hint: &str| {
            let place = Place { path: format!("/rules/{number}"), ..Place::default() };
            let message = format!("rule {} of the firewall `{}` {what}", number + 1, spec.scope);
            findings.push(Diagnostic::error("firewall-rule", message).with_hint(hint.to_owned()).at(place));
        };
        if let Some(what) = wrong_action(&spec.scope, rule) {
            complain(
                what,
                "the actions are `ACCEPT`, `DROP` and `REJECT`; a group's rule has the group's name",
            );
        }
        let has_port = rule.dport.is_some() || rule.sport.is_some();
        if has_port && rule.proto.is_none() && rule.macro_name.is_none() {
            complain("has a port and no protocol".to_owned(), "add `proto`, `tcp` for instance");
        }
        if rule.comment.as_ref().is_some_and(|comment| comment.contains(['\n', '\r'])) {
            complain("has a comment of several lines".to_owned(), "write it on one line");
        }
        match &rule.key {
            Some(key) if !mark::is_key(key) || key == mark::GUARD => complain(
                format!("has the key `{key}`"),
                "a key has lower-case letters, digits, `-`, `_` and `.`, and is not `guard`",
            ),
            Some(key) if !keys.insert(key) => {
                complain(format!("has the key `{key}` of another rule"), "give each rule a key of its own");
            }
            Some(_) | None => {}
        }
    }
    let has_names = !spec.aliases.is_empty() || !spec.ipsets.is_empty();
    if matches!(spec.scope, FirewallScope::Node(_)) && has_names {
        let message = format!("the firewall `{}` can have no aliases and ipsets of its own", spec.scope);
        findings.push(
            Diagnostic::error("firewall-rule", message).with_hint("declare them for the firewall `cluster`"),
        );
    }
    findings
}

fn wrong_action(scope: &FirewallScope, rule: &RuleSpec) -> Option<String> {
    let is_verdict = matches!(rule.action.as_str(), "ACCEPT" | "DROP" | "REJECT");
    match rule.direction {
        Direction::In | Direction::Out if !is_verdict => Some(format!("has the action `{}`", rule.action)),
        Direction::Forward if rule.action != "ACCEPT" && rule.action != "DROP" => {
            Some(format!("forwards with the action `{}`", rule.action))
        }
        Direction::Forward if scope.guest().is_some() => {
            Some("forwards, which a guest does not do".to_owned())
        }
        Direction::Group if is_verdict || rule.action.is_empty() => {
            Some(format!("names no group but `{}`", rule.action))
        }
        Direction::In | Direction::Out | Direction::Forward | Direction::Group => None,
    }
}
