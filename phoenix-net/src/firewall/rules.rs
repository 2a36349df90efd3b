//! The changes of rules, in an order in which nothing is shut out on the way: what lets in comes before what blocks, and
//! goes after it.

use std::collections::BTreeSet;

use phoenix_core::{
    Change,
    firewall::{FirewallChange, FirewallState, Found, Rule, mark, walk},
};

use super::{
    RuleSpec,
    matching::{Wanted, normal, wanted},
    order::{Item, List},
};

/// A change, with what it is called and what a reader sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The end of the step's id.
    pub(super) verb: String,
    /// Why.
    pub(super) reason: &'static str,
    /// What.
    pub(super) change: FirewallChange,
    /// For the reader.
    pub(super) changes: Vec<Change>,
}

/// The changes of rules, and what comes of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    /// The changes.
    pub(super) moves: Vec<Move>,
    /// The rules when all is done.
    pub(super) rules: Vec<Rule>,
}

/// Whether the rules are as the plan saw them when the first of them is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// They are.
    Same,
    /// Something that changes the list stands before, a rule at the top that says that a change waits for example.
    Other,
}

/// Returns what makes the rules of a firewall those that shall be.
pub(super) fn moves(want: &[RuleSpec], state: &FirewallState, is_guarded: bool, seen: Seen) -> Moves {
    let own: Vec<(&str, &Rule)> =
        state.rules.iter().filter_map(|rule| Some((mark::key(rule)?, rule))).collect();
    let own: Vec<(&str, &Rule)> = own.into_iter().filter(|(key, _)| *key != mark::GUARD).collect();
    let wants = wanted(want, &own);
    let mut first_of_its_key = BTreeSet::new();
    let mut items: Vec<Item> = state
        .rules
        .iter()
        .enumerate()
        .map(|(pos, rule)| match mark::key(rule) {
            // Somebody has copied a rule with its comment: the second one is his.
            Some(key) if key != mark::GUARD && first_of_its_key.insert(key) => Item::Own(key.to_owned()),
            Some(_) | None => Item::Other(pos),
        })
        .collect();
    let is_told = state.rules.iter().any(|rule| mark::key(rule) == Some(mark::GUARD));
    if is_guarded && !is_told {
        items.insert(0, Item::Other(usize::MAX));
    }
    let keys = wants.iter().map(|want| want.key.clone()).collect();
    let digest = (seen == Seen::Same && !state.digest.is_empty()).then(|| state.digest.clone());
    let mut writer =
        Writer { list: List::new(items, keys), wants: &wants, own: &own, digest, moves: Vec::new() };
    writer.write();
    let rules = writer.list.items().filter_map(|item| match item {
        Item::Own(key) => wants.iter().find(|want| want.key == *key).map(|want| want.rule.clone()),
        Item::Other(pos) => state.rules.get(*pos).cloned(),
    });
    Moves { rules: rules.collect(), moves: writer.moves }
}

struct Writer<'a> {
    list: List,
    wants: &'a [Wanted],
    own: &'a [(&'a str, &'a Rule)],
    /// The digest that the next change meets, if that is known.
    digest: Option<String>,
    moves: Vec<Move>,
}

impl Writer<'_> {
    fn write(&mut self) {
        let gone: Vec<(&str, &Rule)> = self
            .own
            .iter()
            .filter(|(key, _)| !self.wants.iter().any(|want| want.key == *key))
            .copied()
            .collect();
        for (key, rule) in gone.iter().filter(|(_, rule)| blocks(rule)) {
            self.remove(key, rule);
        }
        for want in self.wants.iter().filter(|want| want.is_there && !blocks(&want.rule)) {
            self.update(want);
        }
        // From the end on, so that each stands before one that is there: where nothing is yet, that is the top.
        for at in (0..self.wants.len()).rev() {
            let want = &self.wants[at];
            match want.is_there {
                true if !self.list.is_placed(at) => self.shift(at),
                false if !blocks(&want.rule) => self.insert(at),
                true | false => {}
            }
        }
        for want in self.wants.iter().filter(|want| want.is_there && blocks(&want.rule)) {
            self.update(want);
        }
        for at in (0..self.wants.len()).rev() {
            if !self.wants[at].is_there && blocks(&self.wants[at].rule) {
                self.insert(at);
            }
        }
        for (key, rule) in gone.iter().filter(|(_, rule)| !blocks(rule)) {
            self.remove(key, rule);
        }
    }

    fn found(&mut self, key: &str) -> Option<Found> {
        let digest = self.digest.take()?;
        self.list.find(key).map(|pos| Found { pos, digest })
    }

    fn insert(&mut self, at: usize) {
        let Wanted { key, rule, .. } = &self.wants[at];
        let digest = self.digest.take();
        let pos = self.list.place(at);
        let change = FirewallChange::InsertRule { key: key.clone(), rule: rule.clone(), pos, digest };
        let changes = vec![Change::new("rule", None, Some(summary(rule)))];
        self.push("insert", key, "the rule is missing", change, changes);
    }

    fn shift(&mut self, at: usize) {
        let key = &self.wants[at].key;
        let Some(from) = self.list.find(key) else { return };
        let found = self.found(key);
        let pos = self.list.place(at);
        let change = FirewallChange::MoveRule { key: key.clone(), pos, found };
        let changes = vec![Change::new("pos", Some(from.to_string()), Some(pos.to_string()))];
        self.push("move", key, "the rule stands elsewhere", change, changes);
    }

    fn update(&mut self, want: &Wanted) {
        let Some((_, have)) = self.own.iter().find(|(key, _)| *key == want.key) else { return };
        if normal(have) == normal(&want.rule) {
            return;
        }
        let differs = |(property, value): &(&String, &String)| have.get(*property) != Some(*value);
        let set: Rule =
            want.rule.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect();
        let delete: BTreeSet<String> =
            have.keys().filter(|property| !want.rule.contains_key(*property)).cloned().collect();
        let changes = set
            .iter()
            .map(|(key, new)| Change::new(key, have.get(key).cloned(), Some(new.clone())))
            .chain(delete.iter().map(|key| Change::new(key, have.get(key).cloned(), None)))
            .collect();
        let found = self.found(&want.key);
        let change = FirewallChange::UpdateRule { key: want.key.clone(), set, delete, found };
        self.push("update", &want.key, "the rule says something else", change, changes);
    }

    fn remove(&mut self, key: &str, rule: &Rule) {
        let found = self.found(key);
        self.list.remove(key);
        let change = FirewallChange::RemoveRule { key: key.to_owned(), found };
        let changes = vec![Change::new("rule", Some(summary(rule)), None)];
        self.push("remove", key, "no such rule is wanted any more", change, changes);
    }

    fn push(
        &mut self,
        verb: &str,
        key: &str,
        reason: &'static str,
        change: FirewallChange,
        changes: Vec<Change>,
    ) {
        self.moves.push(Move { verb: format!("{verb}-{key}"), reason, change, changes });
    }
}

/// Tells whether a rule may keep something out that would come through without it.
fn blocks(rule: &Rule) -> bool {
    walk::is_on(rule) && rule.get("action").is_none_or(|action| action != "ACCEPT")
}

/// Returns a rule in a few words.
pub(super) fn summary(rule: &Rule) -> String {
    let get = |key: &str| rule.get(key).map(String::as_str);
    let after = |word: &str, key: &str| get(key).map(|text| format!("{word} {text}"));
    let parts = [
        get("type").map(str::to_owned),
        get("action").map(str::to_owned),
        get("macro").map(str::to_owned),
        get("proto").map(str::to_owned),
        get("dport").map(str::to_owned),
        after("from", "source"),
        after("to", "dest"),
        after("on", "iface"),
        (!walk::is_on(rule)).then(|| "(off)".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
