//! The calls that define storages for the whole cluster.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        args::Args,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema,
    },
    state::{State, plugin_facts, storage::Storage},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /storage", Handler::Plain(list)),
    ("POST /storage", Handler::Plain(create)),
    ("GET /storage/{storage}", Handler::Plain(read)),
    ("PUT /storage/{storage}", Handler::Plain(update)),
    ("DELETE /storage/{storage}", Handler::Plain(delete)),
];

/// The bytes of a storage that is not on the node's own disk.
const ROOMY: u64 = 1 << 40;
/// What a storage's definition may hold: the sets of its options.
const SETS: [&str; 2] = ["storage-options", "storage-fixed"];

fn list(call: &mut Call<'_>) -> Reply {
    let digest = call.state.storage_digest();
    let rows: Vec<Value> = call
        .state
        .storages
        .iter()
        .filter(|(_, storage)| call.args.get("type").is_none_or(|word| word == storage.plugin))
        .filter(|(name, _)| {
            call.may_any(&format!("/storage/{name}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
        })
        .map(|(name, storage)| definition(name, storage, &digest))
        .collect();
    Ok(Value::from(rows).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("storage");
    let storage = find(call.state, name).map_err(Refusal::failed)?;
    Ok(definition(name, storage, &call.state.storage_digest()).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (name, plugin) = (args.text("storage"), args.text("type"));
    let options = options(&args);
    let facts = plugin_facts::of(plugin).ok_or_else(|| Refusal::failed("no such storage type"))?;
    facts.check_new(&options).map_err(Refusal::failed)?;
    let failed = |text: String| Refusal::failed(format!("create storage failed: {text}"));
    if call.state.storages.contains_key(name) {
        return Err(failed(format!("storage ID '{name}' already defined")));
    }
    let total = match plugin {
        // A directory is on the disk that the node has anyway.
        "dir" => call.state.storages.get("local").map_or(ROOMY, |storage| storage.total),
        _ => ROOMY,
    };
    let storage = Storage::new(name, plugin, total, options);
    if storage.is_enabled(&call.state.name) && storage.option("server").is_some_and(is_nowhere) {
        return Err(failed(format!("storage '{name}' is not online")));
    }
    call.state.storages.insert(name.to_owned(), storage);
    call.state.dirty.storages = true;
    Ok(json!({ "storage": name, "type": plugin }).into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let name = args.text("storage");
    change(call.state, &args).map_err(|text| Refusal::failed(format!("update storage failed: {text}")))?;
    call.state.dirty.storages = true;
    let plugin = call.state.storages.get(name).map(|storage| storage.plugin.clone());
    Ok(json!({ "storage": name, "type": plugin }).into())
}

fn change(state: &mut State, args: &Args) -> Result<(), String> {
    let (name, delete) = (args.text("storage"), args.list("delete"));
    let digest = state.storage_digest();
    if args.get("digest").is_some_and(|wanted| !wanted.is_empty() && wanted != digest) {
        return Err("detected modified configuration - file changed by other user? Try again.".to_owned());
    }
    let storage = find(state, name)?;
    let facts = plugin_facts::of(&storage.plugin).ok_or("unknown storage type")?;
    let set = options(args);
    facts.check_change(&set)?;
    for key in &delete {
        facts.check_removal(key)?;
        if set.contains_key(key) {
            return Err(format!("cannot set and delete property '{key}' at the same time!"));
        }
    }
    let Some(storage) = state.storages.get_mut(name) else { return Ok(()) };
    delete.iter().for_each(|key| storage.remove(key));
    storage.change(set);
    Ok(())
}

fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("storage").to_owned();
    let failed = |text: String| Refusal::failed(format!("delete storage failed: {text}"));
    find(call.state, &name).map_err(failed)?;
    let base = format!("{name}:");
    if call.state.storages.values().any(|other| other.option("base").is_some_and(|on| on.starts_with(&base)))
    {
        return Err(failed(format!(
            "can't remove storage - storage is used as base of another storage ({name})"
        )));
    }
    call.state.storages.remove(&name);
    call.state.dirty.storages = true;
    Ok(Answer::null())
}

fn find<'a>(state: &'a State, name: &str) -> Result<&'a Storage, String> {
    state.storages.get(name).ok_or_else(|| format!("storage '{name}' does not exist"))
}

/// Returns the options of a definition that a call gave.
fn options(args: &Args) -> BTreeMap<String, String> {
    SETS.iter().flat_map(|set| args.of(set)).collect()
}

/// Tells whether a server has an address that belongs to nobody: those kept for documentation.
fn is_nowhere(server: &str) -> bool {
    server.parse::<Ipv4Addr>().is_ok_and(|address| address.is_documentation())
}

/// Returns a definition as it is shown.
fn definition(name: &str, storage: &Storage, digest: &str) -> Value {
    let mut row: Map<String, Value> = storage
        .options
        .iter()
        .map(|(key, value)| {
            let is_number = SETS.iter().any(|set| schema::is_number_in_set(set, key));
            let number = value.trim_start_matches('+').parse::<i64>().ok().filter(|_| is_number);
            (key.clone(), number.map_or_else(|| value.as_str().into(), Value::from))
        })
        .collect();
    if plugin_facts::of(&storage.plugin).is_some_and(|facts| facts.is_shared) {
        row.insert("shared".to_owned(), 1.into());
    }
    row.insert("storage".to_owned(), name.into());
    row.insert("type".to_owned(), storage.plugin.as_str().into());
    row.insert("content".to_owned(), storage.content_list().into());
    row.insert("digest".to_owned(), digest.into());
    row.into()
}
