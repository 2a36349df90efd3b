//! Aliases and sets of addresses: those that are declared are made before the rules that use them, and those of Phoenix's
//! that are not declared any more are taken away after those rules.

use std::collections::BTreeSet;

use ipnet::IpNet;
use phoenix_core::{
    Change, Diagnostic, Diagnostics, FirewallScope,
    firewall::{AddressSet, Alias, FirewallChange, FirewallNames, mark},
};

use super::{FirewallSpec, rules::Move};

/// The changes of names.
#[derive(Clone, Debug, Default)]
pub(super) struct NameMoves {
    /// Before the rules.
    pub(super) set: Vec<Move>,
    /// After the rules.
    pub(super) removed: Vec<Move>,
}

/// Returns the changes of names, or which of them belong to somebody else.
pub(super) fn moves(
    scope: &FirewallScope,
    want: &FirewallSpec,
    found: Option<&FirewallNames>,
) -> Result<NameMoves, Diagnostics> {
    let nothing = FirewallNames::default();
    let found = found.unwrap_or(&nothing);
    let mut findings = Diagnostics::new();
    let mut moves = NameMoves::default();
    for (name, alias) in &want.aliases {
        let alias = Alias { cidr: normal(&alias.cidr), comment: mark::plain(&alias.comment) };
        let have =
            found.aliases.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, have)| have);
        match have {
            Some(have) if !mark::is_plain(&have.comment) => findings.push(taken(scope, "alias", name)),
            Some(have) if normal(&have.cidr) == alias.cidr && have.comment == alias.comment => {}
            have => {
                let changes =
                    vec![Change::new("cidr", have.map(|have| have.cidr.clone()), Some(alias.cidr.clone()))];
                let change = FirewallChange::SetAlias { name: name.clone(), alias: Some(alias) };
                moves.set.push(made("alias", name, change, changes));
            }
        }
    }
    for (name, set) in &want.ipsets {
        let entries: BTreeSet<String> = set.entries.iter().map(|entry| normal(entry)).collect();
        let set = AddressSet { entries, comment: mark::plain(&set.comment) };
        match found.ipsets.get(name) {
            Some(have) if !mark::is_plain(&have.comment) => findings.push(taken(scope, "ipset", name)),
            Some(have) if *have == set => {}
            have => {
                let text = |set: &AddressSet| set.entries.iter().cloned().collect::<Vec<_>>().join(", ");
                let changes = vec![Change::new("entries", have.map(text), Some(text(&set)))];
                let change = FirewallChange::SetIpset { name: name.clone(), ipset: Some(set) };
                moves.set.push(made("ipset", name, change, changes));
            }
        }
    }
    let is_wanted = |name: &String| want.aliases.keys().any(|other| other.eq_ignore_ascii_case(name));
    for (name, have) in found.aliases.iter().filter(|(name, _)| !is_wanted(name)) {
        if mark::is_plain(&have.comment) {
            let changes = vec![Change::new("cidr", Some(have.cidr.clone()), None)];
            let change = FirewallChange::SetAlias { name: name.clone(), alias: None };
            moves.removed.push(gone("alias", name, change, changes));
        }
    }
    for (name, have) in found.ipsets.iter().filter(|(name, _)| !want.ipsets.contains_key(*name)) {
        if mark::is_plain(&have.comment) {
            let change = FirewallChange::SetIpset { name: name.clone(), ipset: None };
            moves.removed.push(gone("ipset", name, change, Vec::new()));
        }
    }
    findings.into_result(moves)
}

/// Returns the names when all is set.
pub(super) fn after(want: &FirewallSpec, found: Option<&FirewallNames>) -> FirewallNames {
    let mut names = found.cloned().unwrap_or_default();
    names.aliases.extend(want.aliases.clone());
    names.ipsets.extend(want.ipsets.clone());
    names
}

/// Returns an address as PVE writes it down: a single one without the length of its network.
fn normal(text: &str) -> String {
    let (out, text) = match text.strip_prefix('!') {
        Some(rest) => ("!", rest),
        None => ("", text),
    };
    match text.parse::<IpNet>() {
        Ok(network) if network.prefix_len() == network.max_prefix_len() => format!("{out}{}", network.addr()),
        Ok(network) => format!("{out}{network}"),
        Err(_) => format!("{out}{text}"),
    }
}

fn made(noun: &str, name: &str, change: FirewallChange, changes: Vec<Change>) -> Move {
    Move { verb: format!("{noun}-{name}"), reason: "the name stands for something else", change, changes }
}

fn gone(noun: &str, name: &str, change: FirewallChange, changes: Vec<Change>) -> Move {
    Move { verb: format!("remove-{noun}-{name}"), reason: "no such name is wanted any more", change, changes }
}

fn taken(scope: &FirewallScope, noun: &str, name: &str) -> Diagnostic {
    let message = format!("the {noun} `{name}` of the firewall `{scope}` is not Phoenix's");
    Diagnostic::error("firewall-name-taken", message)
        .with_hint("declare it under another name, or remove the one that is there")
}
