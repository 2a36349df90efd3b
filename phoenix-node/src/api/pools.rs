//! The calls on pools, in their old form with the pool in the path and in the new one with it among the parameters.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        resources,
        router::{Handler, Routes},
    },
    state::pools::Pool,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /pools", Handler::Plain(list)),
    ("POST /pools", Handler::Plain(create)),
    ("PUT /pools", Handler::Plain(update)),
    ("DELETE /pools", Handler::Plain(delete)),
    ("GET /pools/{poolid}", Handler::Plain(read)),
    ("PUT /pools/{poolid}", Handler::Plain(update)),
    ("DELETE /pools/{poolid}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    if let Some(name) = call.args.get("poolid").map(str::to_owned) {
        call.need(&format!("/pool/{name}"), &["Pool.Audit"])?;
        return Ok(json!([with_members(call, &name)?]).into());
    }
    let pools = call.state.pools.0.iter();
    let seen = pools.filter(|(name, _)| call.may(&format!("/pool/{name}"), &["Pool.Audit"]));
    Ok(seen.map(|(name, pool)| Value::from(row(name, pool))).collect::<Value>().into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("poolid").to_owned();
    Ok(with_members(call, &name)?.into())
}

fn row(name: &str, pool: &Pool) -> Map<String, Value> {
    let mut row = Map::from_iter([("poolid".to_owned(), Value::from(name))]);
    if let Some(comment) = &pool.comment {
        row.insert("comment".to_owned(), comment.as_str().into());
    }
    row
}

fn with_members(call: &mut Call<'_>, name: &str) -> Result<Value, Refusal> {
    let kind = call.args.get("type").map(str::to_owned);
    let pool = call.state.pools.0.get(name).cloned().ok_or_else(|| Refusal::failed(missing(name)))?;
    let guests = pool.guests.iter().filter_map(|vmid| call.state.guests.get(vmid));
    let wanted = guests.filter(|guest| kind.as_deref().is_none_or(|kind| kind == guest.kind.api_name()));
    let mut members: Vec<Value> = wanted.map(|guest| resources::guest_row(call.state, guest)).collect();
    if kind.as_deref().is_none_or(|kind| kind == "storage") {
        let there = pool.storages.iter().filter(|name| call.state.storages.contains_key(*name));
        let there: Vec<&String> = there.collect();
        members.extend(there.into_iter().map(|name| resources::storage_row(call.state, name)));
    }
    let mut row = row(name, &pool);
    row.insert("members".to_owned(), members.into());
    Ok(row.into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("poolid").to_owned();
    let comment = call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    let failed = |text: String| Err(Refusal::failed(format!("create pool failed: {text}")));
    if call.state.pools.0.contains_key(&name) {
        return failed(format!("pool '{name}' already exists"));
    }
    if let Some((parent, _)) = name.rsplit_once('/')
        && !call.state.pools.0.contains_key(parent)
    {
        return failed(format!("parent '{parent}' of pool '{name}' does not exist"));
    }
    call.state.pools.0.insert(name, Pool { comment, ..Pool::default() });
    Ok(Answer::null())
}

fn update(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("poolid").to_owned();
    let changed = changed(call, &name).map_err(|refusal| refusal.within("update pools failed"))?;
    call.state.pools.0 = changed;
    Ok(Answer::null())
}

/// Returns the pools as they are after the call; nothing is changed if a part of it is refused.
fn changed(call: &Call<'_>, name: &str) -> Result<std::collections::BTreeMap<String, Pool>, Refusal> {
    let mut pools = call.state.pools.0.clone();
    let (removes, moves) = (call.args.flag("delete"), call.args.flag("allow-move"));
    let pool = pools.get_mut(name).ok_or_else(|| Refusal::failed(missing(name)))?;
    if let Some(comment) = call.args.get("comment") {
        pool.comment = Some(comment.to_owned()).filter(|text| !text.is_empty());
    }
    for vmid in call.args.list("vms").iter().filter_map(|vmid| vmid.parse::<u32>().ok()) {
        call.need_modify(&format!("/vms/{vmid}"))?;
        let holder = pools.iter().find(|(_, pool)| pool.guests.contains(&vmid)).map(|(name, _)| name.clone());
        match (removes, holder) {
            (true, Some(holder)) if holder == name => {}
            (true, _) => return Err(Refusal::failed(format!("VM {vmid} is not a pool member"))),
            (false, Some(holder)) if holder == name => {
                return Err(Refusal::failed(format!("VM {vmid} is already a pool member")));
            }
            (false, Some(holder)) if !moves => {
                return Err(Refusal::failed(format!(
                    "VM {vmid} belongs already to pool '{holder}' and 'allow-move' is not set"
                )));
            }
            (false, Some(holder)) => call.need(&format!("/pool/{holder}"), &["Pool.Allocate"])?,
            (false, None) => {}
        }
        for pool in pools.values_mut() {
            pool.guests.remove(&vmid);
        }
        if let Some(pool) = pools.get_mut(name).filter(|_| !removes) {
            pool.guests.insert(vmid);
        }
    }
    for storage in call.args.list("storage") {
        call.need_modify(&format!("/storage/{storage}"))?;
        let Some(pool) = pools.get_mut(name) else { continue };
        match (removes, pool.storages.contains(&storage)) {
            (true, true) => drop(pool.storages.remove(&storage)),
            (false, false) => drop(pool.storages.insert(storage)),
            (true, false) => {
                return Err(Refusal::failed(format!("Storage '{storage}' is not a pool member")));
            }
            (false, true) => {
                return Err(Refusal::failed(format!("Storage '{storage}' is already a pool member")));
            }
        }
    }
    Ok(pools)
}

fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("poolid").to_owned();
    let refused = |text: String| Err(Refusal::failed(format!("delete pool failed: {text}")));
    let Some(pool) = call.state.pools.0.get(&name) else { return refused(missing(&name)) };
    let holds = |what: String| refused(format!("pool '{name}' is not empty (contains {what})"));
    let prefix = format!("{name}/");
    let within = |other: &&String| other.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'));
    if let Some(other) = call.state.pools.0.keys().find(within) {
        return holds(format!("pool '{other}'"));
    }
    // Guests and storages that are gone do not keep it.
    if let Some(vmid) = pool.guests.iter().find(|vmid| call.state.guests.contains_key(vmid)) {
        return holds(format!("VM {vmid}"));
    }
    if let Some(storage) = pool.storages.iter().find(|name| call.state.storages.contains_key(*name)) {
        return holds(format!("storage '{storage}'"));
    }
    call.state.pools.0.remove(&name);
    let path = format!("/pool/{name}");
    if call.state.access.acl.has_path(&path) {
        call.state.access.acl.forget_path(&path);
    }
    Ok(Answer::null())
}

/// Returns a pool that must be there.
pub(crate) fn named<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a Pool, Refusal> {
    call.state.pools.0.get(name).ok_or_else(|| Refusal::failed(missing(name)))
}

/// Makes a guest, and puts it into the pool that the call names, if it names one.
pub(crate) fn join(call: &mut Call<'_>, vmid: u32, make: impl FnOnce(&mut Call<'_>) -> Reply) -> Reply {
    let pool = call.args.get("pool").map(str::to_owned);
    if let Some(name) = &pool {
        named(call, name)?;
    }
    let answer = make(call)?;
    if let Some(name) = pool {
        call.state.pools.put(vmid, &name);
    }
    Ok(answer)
}

fn missing(name: &str) -> String {
    format!("pool '{name}' does not exist")
}
