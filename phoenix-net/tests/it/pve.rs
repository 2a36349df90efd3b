//! A firewall that is changed as Proxmox VE changes one, and what is planned over it.

use std::collections::BTreeMap;

use phoenix_core::{
    Action, Diagnostics, Evidence, Facts, FirewallScope, Manager, Probe,
    firewall::{FirewallChange, FirewallNames, FirewallState, Found, Rule, mark},
    manager::Planned,
};
use phoenix_net::{Firewall, FirewallSpec};
use serde_json::{Value, json};

/// A firewall, and how many calls have changed its rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pve {
    pub(crate) state: FirewallState,
    pub(crate) names: FirewallNames,
    pub(crate) writes: usize,
    changes: usize,
}

impl Pve {
    /// Returns a firewall with rules of somebody else.
    pub(crate) fn with_others(rules: &[&str]) -> Self {
        let mut pve = Self::default();
        pve.state.rules = rules.iter().map(|text| rule(text)).collect();
        pve.touch();
        pve
    }

    /// Returns what is known of it.
    pub(crate) fn facts(&self, scope: &FirewallScope) -> Facts {
        let known = [
            (Probe::Firewall { scope: scope.clone() }, Evidence::Firewall(self.state.clone())),
            (Probe::FirewallNames { scope: scope.clone() }, Evidence::FirewallNames(self.names.clone())),
        ];
        known.into_iter().collect()
    }

    /// Returns the plan for a spec.
    pub(crate) fn plan(&self, spec: &FirewallSpec) -> Result<Planned, Diagnostics> {
        let (facts, id) = (self.facts(&spec.scope), spec.scope.resource());
        let found = Firewall.observe(&id, &facts)?;
        Firewall.plan(&id, Some(spec), found.as_ref(), &facts)
    }

    /// Carries a plan out, and insists that every digest and every position fits.
    pub(crate) fn apply(&mut self, planned: &Planned) {
        for step in &planned.steps {
            let Action::Firewall { change, .. } = &step.action else { panic!("{step:?}") };
            self.change(change);
        }
    }

    /// Returns how the steps are called, without the resource.
    pub(crate) fn verbs(planned: &Planned) -> Vec<String> {
        planned.steps.iter().map(|step| step.id.verb().to_owned()).collect()
    }

    fn touch(&mut self) {
        self.changes += 1;
        self.state.digest =
            if self.state.rules.is_empty() { String::new() } else { format!("d{}", self.changes) };
    }

    fn find(&self, key: &str, found: Option<&Found>) -> usize {
        let at = self.state.rules.iter().position(|rule| mark::key(rule) == Some(key)).expect("the rule");
        if let Some(found) = found {
            assert_eq!((found.pos, &found.digest), (at, &self.state.digest), "what the plan says it saw");
        }
        at
    }

    fn change(&mut self, change: &FirewallChange) {
        match change {
            FirewallChange::SetOptions { set, delete, .. } => {
                self.state.options.extend(set.clone());
                self.state.options.retain(|key, _| !delete.contains(key));
                return;
            }
            FirewallChange::InsertRule { rule, pos, digest, .. } => {
                assert!(digest.as_ref().is_none_or(|digest| *digest == self.state.digest));
                self.state.rules.insert(*pos, rule.clone());
                self.writes += if *pos == 0 { 1 } else { 2 };
            }
            FirewallChange::UpdateRule { key, set, delete, found } => {
                let at = self.find(key, found.as_ref());
                self.state.rules[at].extend(set.clone());
                self.state.rules[at].retain(|key, _| !delete.contains(key));
                self.writes += 1;
            }
            FirewallChange::MoveRule { key, pos, found } => {
                let at = self.find(key, found.as_ref());
                assert_ne!(at, *pos, "a move to where it is");
                let rule = self.state.rules.remove(at);
                self.state.rules.insert(*pos, rule);
                self.writes += 1;
            }
            FirewallChange::RemoveRule { key, found } => {
                let at = self.find(key, found.as_ref());
                self.state.rules.remove(at);
                self.writes += 1;
            }
            FirewallChange::SetAlias { name, alias } => {
                self.names.aliases.remove(name);
                self.names.aliases.extend(alias.clone().map(|alias| (name.clone(), alias)));
                return;
            }
            FirewallChange::SetIpset { name, ipset } => {
                self.names.ipsets.remove(name);
                self.names.ipsets.extend(ipset.clone().map(|ipset| (name.clone(), ipset)));
                return;
            }
            FirewallChange::Guard { .. } => self.state.rules.insert(0, mark::guard()),
            FirewallChange::Confirm => {
                self.state.rules.retain(|rule| mark::key(rule) != Some(mark::GUARD));
            }
        }
        self.touch();
    }

    /// Returns the rules that are not Phoenix's.
    pub(crate) fn others(&self) -> Vec<Rule> {
        self.state.rules.iter().filter(|rule| mark::key(rule).is_none()).cloned().collect()
    }

    /// Returns what Phoenix's rules say, without their marks.
    pub(crate) fn own(&self) -> Vec<Rule> {
        let own = self.state.rules.iter().filter(|rule| mark::key(rule).is_some());
        own.cloned()
            .map(|mut rule| {
                let comment = mark::without(&rule["comment"]).to_owned();
                rule.insert("comment".to_owned(), comment);
                rule.retain(|_, text| !text.is_empty());
                rule
            })
            .collect()
    }
}

/// Returns a rule from words such as `in ACCEPT dport=443`, in force.
pub(crate) fn rule(text: &str) -> Rule {
    let mut words = text.split(' ');
    let mut rule = BTreeMap::from([("enable".to_owned(), "1".to_owned())]);
    for key in ["type", "action"] {
        rule.insert(key.to_owned(), words.next().expect("a direction and an action").to_owned());
    }
    rule.extend(words.filter_map(|word| word.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())));
    if rule.contains_key("dport") {
        rule.entry("proto".to_owned()).or_insert_with(|| "tcp".to_owned());
    }
    rule
}

/// Returns a spec's rule from the same words.
pub(crate) fn wanted(text: &str) -> Value {
    let mut rule = rule(text);
    let (direction, action) = (rule.remove("type"), rule.remove("action"));
    let is_on = rule.remove("enable").is_none_or(|enable| enable == "1");
    let mut value = json!({"direction": direction, "action": action, "enable": is_on});
    for (key, text) in rule {
        value[key] = text.into();
    }
    value
}

/// Returns the spec of a guest's firewall with these rules.
pub(crate) fn spec(rules: &[&str]) -> FirewallSpec {
    let rules: Vec<Value> = rules.iter().map(|text| wanted(text)).collect();
    of(json!({"scope": "lxc-101", "rules": rules}))
}

/// Returns a spec from JSON.
pub(crate) fn of(value: Value) -> FirewallSpec {
    serde_json::from_value(value).expect("a spec")
}
