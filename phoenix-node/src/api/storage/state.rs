//! The calls on the state of storages: how full they are on a node, and how full they were.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::now,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/storage", Handler::Plain(list)),
    ("GET /nodes/{node}/storage/{storage}/status", Handler::Plain(status)),
    ("GET /nodes/{node}/storage/{storage}/identity", Handler::Plain(identity)),
    ("GET /nodes/{node}/storage/{storage}/rrddata", Handler::Plain(history)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    let target = args.get("target").map(str::to_owned);
    let contents = args.list("content");
    let names: Vec<String> = call
        .state
        .storages
        .iter()
        .filter(|(name, _)| {
            call.may_any(&format!("/storage/{name}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
        })
        .filter(|(name, _)| args.get("storage").is_none_or(|wanted| wanted == name.as_str()))
        .filter(|(_, storage)| {
            let is_enabled = storage.is_enabled(&node);
            let holds = contents.is_empty()
                || is_enabled && contents.iter().any(|word| storage.content.contains(word));
            // A target must see it too: only what is shared, or is defined for both, can be asked for there.
            let is_there = target.as_deref().is_none_or(|target| storage.is_enabled(target) && is_enabled);
            holds && is_there && (is_enabled || !args.flag("enabled"))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let rows: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let mut row = state_of(call, &name, &node);
            #[allow(clippy::cast_precision_loss)]
            if let (Some(used), Some(total @ 1..)) = (row["used"].as_u64(), row["total"].as_u64()) {
                // A share for people to read; its last digits do not matter.
                row["used_fraction"] = (used as f64 / total as f64).into();
            }
            if args.flag("format") {
                let formats = call.state.storages[&name].formats();
                row["formats"] = json!({ "default": formats[0], "supported": formats });
            }
            row["storage"] = name.into();
            row
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn status(call: &mut Call<'_>) -> Reply {
    let name = known(call)?;
    let node = call.node();
    Ok(state_of(call, &name, &node).into())
}

fn state_of(call: &mut Call<'_>, name: &str, node: &str) -> Value {
    let used = call.state.used(name);
    let storage = &call.state.storages[name];
    let is_enabled = storage.is_enabled(node);
    let bytes = |bytes: u64| if is_enabled { bytes } else { 0 };
    json!({
        "type": storage.plugin,
        "content": storage.content_list(),
        "active": u8::from(is_enabled),
        "enabled": u8::from(is_enabled),
        "shared": u8::from(storage.is_shared()),
        "total": bytes(storage.total),
        "used": bytes(used),
        "avail": bytes(storage.total.saturating_sub(used)),
    })
}

fn identity(call: &mut Call<'_>) -> Reply {
    let name = known(call)?;
    let storage = &call.state.storages[&name];
    let place = ["path", "pool", "vgname", "datastore", "target"].iter().find_map(|key| storage.option(key));
    let id = match storage.option("server").or(storage.option("portal")) {
        Some(server) => format!("{server}:{}", place.unwrap_or_default()),
        None => format!("{}:{}", call.node(), place.unwrap_or_default()),
    };
    Ok(json!({ "id": id, "type": storage.plugin }).into())
}

fn history(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("storage").to_owned();
    let (used, total) =
        (call.state.used(&name), call.state.storages.get(&name).map_or(0, |storage| storage.total));
    let booted = call.state.booted;
    let rows: Vec<Value> = moments(call.args.text("timeframe"))
        .map(|time| match time >= booted {
            true => json!({ "time": time, "used": used, "total": total }),
            false => json!({ "time": time }),
        })
        .collect();
    Ok(Value::from(rows).into())
}

/// Returns the times of which a history tells: about seventy, up to now.
pub(crate) fn moments(timeframe: &str) -> impl Iterator<Item = u64> {
    let step = match timeframe {
        "hour" => 60,
        "day" => 60 * 30,
        "week" => 60 * 180,
        "month" => 60 * 720,
        "year" => 60 * 60 * 24 * 7,
        _ => 60 * 60 * 24 * 70,
    };
    let last = now() / step * step;
    (0..60).rev().map(move |count| last.saturating_sub(count * step))
}

fn known(call: &Call<'_>) -> Result<String, Refusal> {
    let name = call.args.text("storage");
    match call.state.storages.contains_key(name) {
        true => Ok(name.to_owned()),
        false => Err(Refusal::param("storage", "No such storage.")),
    }
}
