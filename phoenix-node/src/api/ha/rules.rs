//! Rules on where managed guests run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{cluster::ha::members, sections::Section},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/ha/rules", Handler::Plain(list)),
    ("POST /cluster/ha/rules", Handler::Plain(create)),
    ("GET /cluster/ha/rules/{rule}", Handler::Plain(read)),
    ("PUT /cluster/ha/rules/{rule}", Handler::Plain(update)),
    ("DELETE /cluster/ha/rules/{rule}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "rule",
    noun: "ha rule",
    required: &["affinity", "nodes", "resources"],
    kind: "",
    shelf: |cluster| &cluster.ha.rules,
    shelf_mut: |cluster| &mut cluster.ha.rules,
    taken: |id| format!("HA rule '{id}' already defined"),
    missing: |id| format!("no such ha rule '{id}'"),
};

/// The properties that only one type of rule has, and which of them it must have.
const NODE_AFFINITY: &[(&str, bool)] = &[("nodes", true), ("strict", false)];
const RESOURCE_AFFINITY: &[(&str, bool)] = &[("affinity", true)];

fn rows(call: &Call<'_>) -> Vec<Value> {
    let rules = &call.state.cluster.ha.rules;
    let digest = rules.digest(FOLDER.required);
    let named = |section: &Section| {
        call.args.get("resource").is_none_or(|wanted| members(section).any(|name| name == wanted))
    };
    let numbered = rules.iter().enumerate().filter(|(_, section)| {
        call.args.get("type").is_none_or(|kind| section.kind == kind) && named(section)
    });
    let row = |(at, section): (usize, &Section)| {
        let mut row = FOLDER.row(section, Some(&digest));
        row.insert("order".to_owned(), (at + 1).into());
        Value::from(row)
    };
    numbered.map(row).collect()
}

fn list(call: &mut Call<'_>) -> Reply {
    Ok(Value::from(rows(call)).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("rule").to_owned();
    let found = rows(call).into_iter().find(|row| row["rule"] == id.as_str());
    found.map(Answer::from).ok_or_else(|| Refusal::failed((FOLDER.missing)(&id)))
}

fn create(call: &mut Call<'_>) -> Reply {
    check(call, true)?;
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    check(call, false)?;
    let id = call.args.text("rule");
    let kind = call.state.cluster.ha.rules.get(id).map(|section| section.kind.as_str());
    if kind.is_some_and(|kind| kind != call.args.text("type")) {
        return Err(Refusal::param("type", "cannot change the type of a rule"));
    }
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("rule").to_owned();
    if call.state.cluster.ha.rules.get(&id).is_none() {
        return Err(FOLDER.refuse("delete", &(FOLDER.missing)(&id)));
    }
    FOLDER.remove(call)
}

/// Checks that a rule has what its type asks for and nothing of the other, and that its guests are managed.
fn check(call: &Call<'_>, is_new: bool) -> Result<(), Refusal> {
    let (own, other) = match call.args.text("type") {
        "node-affinity" => (NODE_AFFINITY, RESOURCE_AFFINITY),
        _ => (RESOURCE_AFFINITY, NODE_AFFINITY),
    };
    let mut errors = BTreeMap::new();
    for (key, _) in other.iter().filter(|(key, _)| call.args.get(key).is_some()) {
        let text = "property is not defined in schema and the schema does not allow additional properties";
        errors.insert((*key).to_owned(), text.to_owned());
    }
    for (key, _) in own.iter().filter(|(key, must)| *must && is_new && call.args.get(key).is_none()) {
        errors.insert((*key).to_owned(), "property is missing and it is not optional".to_owned());
    }
    if !errors.is_empty() {
        return Err(Refusal::Params(errors));
    }
    for sid in call.args.list("resources") {
        if call.state.cluster.ha.resources.get(&sid).is_none() {
            let verb = if is_new { "create" } else { "update" };
            return Err(FOLDER.refuse(verb, &format!("cannot use unmanaged resource(s) {sid}.")));
        }
    }
    Ok(())
}
