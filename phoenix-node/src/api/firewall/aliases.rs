//! Aliases: names for addresses. They keep their case, and are looked up without it.

use serde_json::{Map, Value};

use super::{Level, assert_unchanged, comment, put_some};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema::formats::address,
    },
    state::firewall::{Alias, Rule, digest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/aliases", Handler::Plain(list)),
    ("POST /cluster/firewall/aliases", Handler::Plain(add)),
    ("GET /cluster/firewall/aliases/{name}", Handler::Plain(read)),
    ("PUT /cluster/firewall/aliases/{name}", Handler::Plain(change)),
    ("DELETE /cluster/firewall/aliases/{name}", Handler::Plain(remove)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/aliases", Handler::Plain(list)),
    ("POST /nodes/{node}/{kind}/{vmid}/firewall/aliases", Handler::Plain(add)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/aliases/{name}", Handler::Plain(read)),
    ("PUT /nodes/{node}/{kind}/{vmid}/firewall/aliases/{name}", Handler::Plain(change)),
    ("DELETE /nodes/{node}/{kind}/{vmid}/firewall/aliases/{name}", Handler::Plain(remove)),
];

fn rows(call: &Call<'_>) -> Vec<Rule> {
    Level::of(call).read(&call.state.firewall).aliases.values().map(row).collect()
}

fn row(alias: &Alias) -> Rule {
    let mut row = Map::new();
    put_some(&mut row, "name", Some(&alias.name));
    put_some(&mut row, "cidr", Some(&alias.cidr));
    put_some(&mut row, "comment", alias.comment.as_deref());
    if let Ok(version) = address::version(&alias.cidr) {
        row.insert("ipversion".to_owned(), version.into());
    }
    row
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

fn read(call: &mut Call<'_>) -> Reply {
    let firewall = Level::of(call).read(&call.state.firewall);
    let found = firewall.aliases.get(&call.args.text("name").to_lowercase());
    let alias = found.ok_or_else(|| Refusal::param("name", "no such alias"))?;
    Ok(Value::from(row(alias)).into())
}

fn add(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("name").to_owned();
    let (cidr, comment) = (address::normal(call.args.text("cidr")), comment(call));
    let aliases = &mut Level::of(call).write(&mut call.state.firewall).aliases;
    if aliases.contains_key(&name.to_lowercase()) {
        return Err(Refusal::param("name", format!("alias '{name}' already exists")));
    }
    aliases.insert(name.to_lowercase(), Alias { name, cidr, comment });
    Ok(Answer::null())
}

fn change(call: &mut Call<'_>) -> Reply {
    assert_unchanged(call, &digest(&rows(call)))?;
    let name = call.args.text("name").to_owned();
    let (cidr, comment) = (address::normal(call.args.text("cidr")), comment(call));
    let new = call.args.get("rename").unwrap_or(&name).to_owned();
    let aliases = &mut Level::of(call).write(&mut call.state.firewall).aliases;
    if !aliases.contains_key(&name.to_lowercase()) {
        return Err(Refusal::param("name", format!("no such alias '{name}'")));
    }
    if new.to_lowercase() != name.to_lowercase() && aliases.contains_key(&new.to_lowercase()) {
        return Err(Refusal::param("name", format!("alias '{new}' already exists")));
    }
    aliases.remove(&name.to_lowercase());
    aliases.insert(new.to_lowercase(), Alias { name: new, cidr, comment });
    Ok(Answer::null())
}

fn remove(call: &mut Call<'_>) -> Reply {
    assert_unchanged(call, &digest(&rows(call)))?;
    let name = call.args.text("name").to_lowercase();
    Level::of(call).write(&mut call.state.firewall).aliases.remove(&name);
    Ok(Answer::null())
}
