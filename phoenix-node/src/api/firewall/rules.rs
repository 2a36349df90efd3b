//! Rules: they are always added at the top, and off where nothing else is said.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Level, assert_unchanged,
    verify::{Place, verify},
};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::firewall::{Firewalls, Rule, digest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/rules", Handler::Plain(list)),
    ("POST /cluster/firewall/rules", Handler::Plain(add)),
    ("GET /cluster/firewall/rules/{pos}", Handler::Plain(read)),
    ("PUT /cluster/firewall/rules/{pos}", Handler::Plain(change)),
    ("DELETE /cluster/firewall/rules/{pos}", Handler::Plain(remove)),
    ("GET /cluster/firewall/groups/{group}", Handler::Plain(list)),
    ("POST /cluster/firewall/groups/{group}", Handler::Plain(add)),
    ("GET /cluster/firewall/groups/{group}/{pos}", Handler::Plain(read)),
    ("PUT /cluster/firewall/groups/{group}/{pos}", Handler::Plain(change)),
    ("DELETE /cluster/firewall/groups/{group}/{pos}", Handler::Plain(remove)),
    ("GET /cluster/sdn/vnets/{vnet}/firewall/rules", Handler::Plain(list)),
    ("POST /cluster/sdn/vnets/{vnet}/firewall/rules", Handler::Plain(add)),
    ("GET /cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", Handler::Plain(read)),
    ("PUT /cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", Handler::Plain(change)),
    ("DELETE /cluster/sdn/vnets/{vnet}/firewall/rules/{pos}", Handler::Plain(remove)),
    ("GET /nodes/{node}/firewall/rules", Handler::Plain(list)),
    ("POST /nodes/{node}/firewall/rules", Handler::Plain(add)),
    ("GET /nodes/{node}/firewall/rules/{pos}", Handler::Plain(read)),
    ("PUT /nodes/{node}/firewall/rules/{pos}", Handler::Plain(change)),
    ("DELETE /nodes/{node}/firewall/rules/{pos}", Handler::Plain(remove)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/rules", Handler::Plain(list)),
    ("POST /nodes/{node}/{kind}/{vmid}/firewall/rules", Handler::Plain(add)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/rules/{pos}", Handler::Plain(read)),
    ("PUT /nodes/{node}/{kind}/{vmid}/firewall/rules/{pos}", Handler::Plain(change)),
    ("DELETE /nodes/{node}/{kind}/{vmid}/firewall/rules/{pos}", Handler::Plain(remove)),
];

/// What a rule may say.
const PROPERTIES: &[&str] = &[
    "action",
    "comment",
    "dest",
    "dport",
    "enable",
    "icmp-type",
    "iface",
    "log",
    "macro",
    "proto",
    "source",
    "sport",
    "type",
];

fn list(call: &mut Call<'_>) -> Reply {
    let shelf = Shelf::of(call)?;
    let rows = shelf.rows(&call.state.firewall)?;
    let digest = digest(&rows);
    let numbered = rows.into_iter().enumerate().map(|(pos, mut row)| {
        row.insert("pos".to_owned(), pos.into());
        row.insert("digest".to_owned(), digest.as_str().into());
        Value::from(row)
    });
    Ok(Value::from(numbered.collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let shelf = Shelf::of(call)?;
    let rows = shelf.rows(&call.state.firewall)?;
    let mut row = rows[position(call, rows.len())?].clone();
    row.insert("pos".to_owned(), call.args.text("pos").into());
    row.insert("digest".to_owned(), digest(&rows).into());
    Ok(Value::from(row).into())
}

fn add(call: &mut Call<'_>) -> Reply {
    let shelf = Shelf::of(call)?;
    let rows = shelf.rows(&call.state.firewall)?;
    assert_unchanged(call, &digest(&rows))?;
    let mut rule = Rule::new();
    rule.insert("enable".to_owned(), 0.into());
    copy(call, &mut rule);
    shelf.check(&call.state.firewall, &mut rule)?;
    shelf.rules(&mut call.state.firewall).insert(0, rule);
    Ok(Answer::null())
}

fn change(call: &mut Call<'_>) -> Reply {
    let shelf = Shelf::of(call)?;
    let rows = shelf.rows(&call.state.firewall)?;
    assert_unchanged(call, &digest(&rows))?;
    let at = position(call, rows.len())?;
    let target = call.args.number("moveto").and_then(|number| usize::try_from(number).ok());
    if let Some(target) = target.filter(|target| *target != at) {
        let rules = shelf.rules(&mut call.state.firewall);
        let rule = rules.remove(at);
        // The target counts the rule itself.
        let target = if target > at { target - 1 } else { target };
        rules.insert(target.min(rules.len()), rule);
        return Ok(Answer::null());
    }
    let mut rule = shelf.stored(&call.state.firewall)?[at].clone();
    copy(call, &mut rule);
    for key in call.args.list("delete") {
        if !PROPERTIES.contains(&key.as_str()) {
            return Err(Refusal::param("delete", format!("no such property ('{key}')")));
        }
        if matches!(key.as_str(), "type" | "action") {
            return Err(Refusal::param("delete", format!("unable to delete required property '{key}'")));
        }
        rule.remove(&key);
    }
    shelf.check(&call.state.firewall, &mut rule)?;
    shelf.rules(&mut call.state.firewall)[at] = rule;
    Ok(Answer::null())
}

fn remove(call: &mut Call<'_>) -> Reply {
    let shelf = Shelf::of(call)?;
    let rows = shelf.rows(&call.state.firewall)?;
    assert_unchanged(call, &digest(&rows))?;
    let at = position(call, rows.len())?;
    shelf.rules(&mut call.state.firewall).remove(at);
    Ok(Answer::null())
}

fn position(call: &Call<'_>, count: usize) -> Result<usize, Refusal> {
    let text = call.args.text("pos");
    let at = call.args.number("pos").and_then(|number| usize::try_from(number).ok());
    at.filter(|at| *at < count).ok_or_else(|| Refusal::failed(format!("no rule at position {text}")))
}

/// Takes over what a call says of a rule; what is empty is taken away.
fn copy(call: &Call<'_>, rule: &mut Rule) {
    for key in PROPERTIES {
        match call.args.get(key) {
            Some("" | "-") => drop(rule.remove(*key)),
            Some(text) => drop(rule.insert((*key).to_owned(), call.entry.value(key, text))),
            None => {}
        }
    }
}

/// Where rules stand: at a level, or in a group.
enum Shelf {
    Level(Level),
    Group(String),
}

impl Shelf {
    fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        match call.args.get("group") {
            Some(group) if call.state.firewall.groups.contains_key(group) => {
                Ok(Self::Group(group.to_owned()))
            }
            Some(group) => Err(Refusal::failed(format!("no such security group '{group}'"))),
            None => Ok(Self::Level(Level::of(call))),
        }
    }

    fn stored(&self, all: &Firewalls) -> Result<Vec<Rule>, Refusal> {
        match self {
            Self::Level(level) => Ok(level.read(all).rules),
            Self::Group(group) => match all.groups.get(group) {
                Some(found) => Ok(found.rules.clone()),
                None => Err(Refusal::failed(format!("no such security group '{group}'"))),
            },
        }
    }

    /// Returns the rules as they are shown: with the version of IP, and with what became wrong since.
    fn rows(&self, all: &Firewalls) -> Result<Vec<Rule>, Refusal> {
        let mut rows = self.stored(all)?;
        for row in &mut rows {
            let errors = verify(all, &self.place(), row);
            if !errors.is_empty() {
                let errors: Map<String, Value> =
                    errors.into_iter().map(|(key, text)| (key, text.into())).collect();
                row.insert("errors".to_owned(), errors.into());
            }
        }
        Ok(rows)
    }

    fn rules<'a>(&self, all: &'a mut Firewalls) -> &'a mut Vec<Rule> {
        match self {
            Self::Level(level) => &mut level.write(all).rules,
            Self::Group(group) => &mut all.groups.entry(group.clone()).or_default().rules,
        }
    }

    fn check(&self, all: &Firewalls, rule: &mut Rule) -> Result<(), Refusal> {
        let errors: BTreeMap<String, String> = verify(all, &self.place(), rule);
        // It is found anew whenever the rule is shown.
        rule.remove("ipversion");
        if errors.is_empty() { Ok(()) } else { Err(Refusal::Params(errors)) }
    }

    fn place(&self) -> Place {
        match self {
            Self::Group(_) => Place::Group,
            Self::Level(Level::Cluster) => Place::Cluster,
            Self::Level(Level::Node(_)) => Place::Node,
            Self::Level(Level::Guest(vmid)) => Place::Guest(*vmid),
            Self::Level(Level::Vnet(_)) => Place::Vnet,
        }
    }
}
