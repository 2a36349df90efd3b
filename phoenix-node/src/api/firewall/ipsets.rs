//! Sets of addresses.

use serde_json::{Map, Value};

use super::{Level, assert_unchanged, comment, put_some, refs, verify::Place};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema::formats::address,
    },
    state::firewall::{IpSet, Member, Rule, digest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/ipset", Handler::Plain(list)),
    ("POST /cluster/firewall/ipset", Handler::Plain(add)),
    ("GET /cluster/firewall/ipset/{name}", Handler::Plain(members)),
    ("POST /cluster/firewall/ipset/{name}", Handler::Plain(add_member)),
    ("DELETE /cluster/firewall/ipset/{name}", Handler::Plain(remove)),
    ("GET /cluster/firewall/ipset/{name}/{cidr}", Handler::Plain(member)),
    ("PUT /cluster/firewall/ipset/{name}/{cidr}", Handler::Plain(change_member)),
    ("DELETE /cluster/firewall/ipset/{name}/{cidr}", Handler::Plain(remove_member)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/ipset", Handler::Plain(list)),
    ("POST /nodes/{node}/{kind}/{vmid}/firewall/ipset", Handler::Plain(add)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}", Handler::Plain(members)),
    ("POST /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}", Handler::Plain(add_member)),
    ("DELETE /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}", Handler::Plain(remove)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}/{cidr}", Handler::Plain(member)),
    ("PUT /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}/{cidr}", Handler::Plain(change_member)),
    ("DELETE /nodes/{node}/{kind}/{vmid}/firewall/ipset/{name}/{cidr}", Handler::Plain(remove_member)),
];

fn rows(call: &Call<'_>) -> Vec<Rule> {
    let sets = Level::of(call).read(&call.state.firewall).ipsets;
    let row = |(name, set): (String, IpSet)| {
        let mut row = Map::new();
        put_some(&mut row, "name", Some(&name));
        put_some(&mut row, "comment", set.comment.as_deref());
        row
    };
    sets.into_iter().map(row).collect()
}

fn member_row(cidr: &str, member: &Member) -> Rule {
    let mut row = Map::new();
    put_some(&mut row, "cidr", Some(cidr));
    put_some(&mut row, "comment", member.comment.as_deref());
    if member.nomatch {
        row.insert("nomatch".to_owned(), 1.into());
    }
    row
}

fn with_digest(rows: Vec<Rule>) -> Reply {
    let digest = digest(&rows);
    let rows = rows.into_iter().map(|mut row| {
        row.insert("digest".to_owned(), digest.as_str().into());
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn list(call: &mut Call<'_>) -> Reply {
    with_digest(rows(call))
}

fn add(call: &mut Call<'_>) -> Reply {
    assert_unchanged(call, &digest(&rows(call)))?;
    let name = call.args.text("name").to_owned();
    let old = call.args.get("rename").map(str::to_owned);
    let given = comment(call);
    let sets = &mut Level::of(call).write(&mut call.state.firewall).ipsets;
    let Some(old) = old else {
        if sets.contains_key(&name) {
            return Err(Refusal::param("name", format!("IPSet '{name}' already exists")));
        }
        sets.insert(name, IpSet { comment: given, ..IpSet::default() });
        return Ok(Answer::null());
    };
    if !sets.contains_key(&old) {
        return Err(Refusal::param("name", format!("IPSet '{old}' does not exist")));
    }
    if name != old && sets.contains_key(&name) {
        return Err(Refusal::param("name", format!("IPSet '{name}' does already exist")));
    }
    if let Some(mut set) = sets.remove(&old) {
        set.comment = given.or(set.comment);
        sets.insert(name, set);
    }
    Ok(Answer::null())
}

fn find(call: &Call<'_>) -> Result<IpSet, Refusal> {
    let name = call.args.text("name");
    let set = Level::of(call).read(&call.state.firewall).ipsets.remove(name);
    set.ok_or_else(|| Refusal::failed(format!("no such IPSet '{name}'")))
}

fn member_rows(set: &IpSet) -> Vec<Rule> {
    set.entries.iter().map(|(cidr, member)| member_row(cidr, member)).collect()
}

fn store(call: &mut Call<'_>, set: IpSet) -> Reply {
    let name = call.args.text("name").to_owned();
    Level::of(call).write(&mut call.state.firewall).ipsets.insert(name, set);
    Ok(Answer::null())
}

fn remove(call: &mut Call<'_>) -> Reply {
    let set = find(call)?;
    let name = call.args.text("name").to_owned();
    if !set.entries.is_empty() && !call.args.flag("force") {
        return Err(Refusal::failed(format!("IPSet '{name}' is not empty")));
    }
    Level::of(call).write(&mut call.state.firewall).ipsets.remove(&name);
    Ok(Answer::null())
}

fn members(call: &mut Call<'_>) -> Reply {
    with_digest(member_rows(&find(call)?))
}

fn member(call: &mut Call<'_>) -> Reply {
    let set = find(call)?;
    let cidr = cidr(call);
    let found = set.entries.get(&cidr).ok_or_else(|| Refusal::param("cidr", "no such IP/Network"))?;
    let mut row = member_row(&cidr, found);
    row.insert("digest".to_owned(), digest(&member_rows(&set)).into());
    Ok(Value::from(row).into())
}

fn add_member(call: &mut Call<'_>) -> Reply {
    let mut set = find(call)?;
    let cidr = cidr(call);
    if refs::is_alias(&cidr) {
        let place = match Level::of(call) {
            Level::Guest(vmid) => Place::Guest(vmid),
            Level::Cluster | Level::Node(_) | Level::Vnet(_) => Place::Cluster,
        };
        refs::alias(&call.state.firewall, place, &cidr).map_err(Refusal::failed)?;
    }
    if set.entries.contains_key(&cidr) {
        return Err(Refusal::param("cidr", format!("address '{cidr}' already exists")));
    }
    if cidr.ends_with("/0") {
        return Err(Refusal::param("cidr", "a zero prefix is not allowed in ipset entries"));
    }
    set.entries.insert(cidr, Member { comment: comment(call), nomatch: call.args.flag("nomatch") });
    store(call, set)
}

fn change_member(call: &mut Call<'_>) -> Reply {
    let mut set = find(call)?;
    assert_unchanged(call, &digest(&member_rows(&set)))?;
    let (given, nomatch) = (comment(call), call.args.flag("nomatch"));
    let found = set.entries.get_mut(&cidr(call));
    let member = found.ok_or_else(|| Refusal::param("cidr", "no such IP/Network"))?;
    *member = Member { comment: given, nomatch };
    store(call, set)
}

fn remove_member(call: &mut Call<'_>) -> Reply {
    let mut set = find(call)?;
    assert_unchanged(call, &digest(&member_rows(&set)))?;
    set.entries.remove(&cidr(call));
    store(call, set)
}

fn cidr(call: &Call<'_>) -> String {
    let text = call.args.text("cidr");
    if refs::is_alias(text) { text.to_owned() } else { address::normal(text) }
}
