//! Matching: which of Phoenix's rules that are there is which of those that shall be. A rule with a key of its own is known
//! by that; any other by what it says, and where that has changed, by what it still says.

use std::collections::BTreeSet;

use phoenix_core::firewall::{Rule, mark};

use super::RuleSpec;

/// A rule that shall be, with the key that it has or gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it is known by.
    pub(super) key: String,
    /// All of it, with the mark.
    pub(super) rule: Rule,
    /// It is there already, if perhaps not like this.
    pub(super) is_there: bool,
}

/// How much two rules that are taken for one must still have in common, the direction and the action among it.
const ALIKE: usize = 3;

/// Returns the rules that shall be, in their order. `have` are Phoenix's rules in theirs.
pub(super) fn wanted(want: &[RuleSpec], have: &[(&str, &Rule)]) -> Vec<Wanted> {
    let values: Vec<Rule> = want.iter().map(RuleSpec::values).collect();
    let mut keys: Vec<Option<String>> = want.iter().map(|rule| rule.key.clone()).collect();
    let mut left: Vec<(&str, Rule)> = have
        .iter()
        .filter(|(key, _)| !keys.iter().flatten().any(|declared| declared == key))
        .map(|(key, rule)| (*key, normal(rule)))
        .collect();
    for (at, value) in values.iter().enumerate() {
        if keys[at].is_none()
            && let Some(index) = left.iter().position(|(_, rule)| *rule == normal(value))
        {
            keys[at] = Some(left.remove(index).0.to_owned());
        }
    }
    while let Some((at, index)) = closest(&values, &keys, &left) {
        keys[at] = Some(left.remove(index).0.to_owned());
    }
    let mut taken: BTreeSet<String> =
        have.iter().map(|(key, _)| (*key).to_owned()).chain(keys.iter().flatten().cloned()).collect();
    let keyed = values.into_iter().zip(keys).map(|(mut rule, key)| {
        let key = key.unwrap_or_else(|| {
            let key = fresh(&rule, &taken);
            taken.insert(key.clone());
            key
        });
        let comment = mark::with_key(rule.get("comment").map_or("", String::as_str), &key);
        rule.insert("comment".to_owned(), comment);
        let is_there = have.iter().any(|(other, _)| *other == key);
        Wanted { key, rule, is_there }
    });
    keyed.collect()
}

/// Returns what a rule says, in one spelling, without its mark.
pub(super) fn normal(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    if let Some(comment) = rule.get_mut("comment") {
        *comment = mark::without(comment).to_owned();
    }
    for key in ["macro", "proto", "log"] {
        if let Some(text) = rule.get_mut(key) {
            text.make_ascii_lowercase();
        }
    }
    let is_default = |key: &str, text: &str| text.is_empty() || (key == "log" && text == "nolog");
    rule.retain(|key, text| !is_default(key, text));
    rule.entry("enable".to_owned()).or_insert_with(|| "0".to_owned());
    rule
}

/// Returns the rule that shall be and the one that is there which have the most in common, the first of several.
fn closest(values: &[Rule], keys: &[Option<String>], left: &[(&str, Rule)]) -> Option<(usize, usize)> {
    let open = values.iter().enumerate().filter(|(at, _)| keys[*at].is_none());
    let pairs = open.flat_map(|(at, value)| {
        let value = normal(value);
        let scores = left.iter().enumerate().map(move |(index, (_, rule))| (alike(&value, rule), at, index));
        scores.collect::<Vec<_>>()
    });
    let best = pairs
        .filter(|(score, ..)| *score >= ALIKE)
        .max_by_key(|(score, at, index)| (*score, std::cmp::Reverse((*at, *index))));
    best.map(|(_, at, index)| (at, index))
}

fn alike(one: &Rule, other: &Rule) -> usize {
    let same = |key: &str| one.get(key) == other.get(key);
    if !same("type") || !same("action") {
        return 0;
    }
    one.iter().filter(|(key, value)| *key != "enable" && other.get(*key) == Some(value)).count()
}

/// Returns a key for a new rule that says what it is.
fn fresh(rule: &Rule, taken: &BTreeSet<String>) -> String {
    let parts = ["type", "action", "macro", "proto", "dport", "source", "dest"];
    let text =
        parts.iter().filter_map(|key| rule.get(*key)).map(String::as_str).collect::<Vec<_>>().join("-");
    let plain = text.to_ascii_lowercase();
    let plain: String =
        plain.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).take(48).collect();
    let plain = plain.trim_matches('-').to_owned();
    let numbered = (2..).map(|number: usize| format!("{plain}-{number}"));
    std::iter::once(plain.clone())
        .chain(numbered)
        .find(|key| !taken.contains(key) && key != mark::GUARD)
        .unwrap_or(plain)
}
