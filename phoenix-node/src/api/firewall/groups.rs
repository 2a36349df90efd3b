//! Security groups: lists of rules with a name.

use serde_json::{Map, Value};

use super::{assert_unchanged, comment, put_some};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::firewall::{Group, Rule, digest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/groups", Handler::Plain(list)),
    ("POST /cluster/firewall/groups", Handler::Plain(add)),
    ("DELETE /cluster/firewall/groups/{group}", Handler::Plain(remove)),
];

fn rows(call: &Call<'_>) -> Vec<Rule> {
    let row = |(name, group): (&String, &Group)| {
        let mut row = Map::new();
        put_some(&mut row, "group", Some(name));
        put_some(&mut row, "comment", group.comment.as_deref());
        row
    };
    call.state.firewall.groups.iter().map(row).collect()
}

fn list(call: &mut Call<'_>) -> Reply {
    let rows = rows(call);
    let digest = digest(&rows);
    let rows = rows.into_iter().map(|mut row| {
        row.insert("digest".to_owned(), digest.as_str().into());
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn add(call: &mut Call<'_>) -> Reply {
    assert_unchanged(call, &digest(&rows(call)))?;
    let name = call.args.text("group").to_owned();
    let given = comment(call);
    let old = call.args.get("rename").map(str::to_owned);
    let groups = &mut call.state.firewall.groups;
    let Some(old) = old else {
        if groups.contains_key(&name) {
            return Err(Refusal::param("group", format!("Security group '{name}' already exists")));
        }
        groups.insert(name, Group { comment: given, rules: Vec::new() });
        return Ok(Answer::null());
    };
    if !groups.contains_key(&old) {
        return Err(Refusal::param("group", format!("Security group '{old}' does not exist")));
    }
    if name != old && groups.contains_key(&name) {
        return Err(Refusal::param("group", format!("Security group '{name}' does already exist")));
    }
    if let Some(mut group) = groups.remove(&old) {
        group.comment = given.or(group.comment);
        groups.insert(name, group);
    }
    Ok(Answer::null())
}

fn remove(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("group").to_owned();
    match call.state.firewall.groups.get(&name) {
        None => return Err(Refusal::failed(format!("no such security group '{name}'"))),
        Some(group) if !group.rules.is_empty() => {
            return Err(Refusal::failed(format!("Security group '{name}' is not empty")));
        }
        Some(_) => {}
    }
    call.state.firewall.groups.remove(&name);
    Ok(Answer::null())
}
