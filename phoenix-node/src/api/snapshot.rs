//! The calls on snapshots.

use phoenix_core::GuestKind;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        config::{self, normal},
        guest::{Guest, Snapshot},
    },
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}/{vmid}/snapshot", Handler::Guest(list)),
    ("POST /nodes/{node}/{kind}/{vmid}/snapshot", Handler::Guest(take)),
    ("DELETE /nodes/{node}/{kind}/{vmid}/snapshot/{snapname}", Handler::Guest(delete)),
    ("GET /nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/config", Handler::Guest(read)),
    ("PUT /nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/config", Handler::Guest(describe)),
    ("POST /nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/rollback", Handler::Guest(rollback)),
];

pub(crate) fn list(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    let mut snapshots: Vec<(&String, &Snapshot)> = guest.snapshots.iter().collect();
    snapshots.sort_by_key(|(_, snapshot)| snapshot.serial);
    let mut rows: Vec<Value> = Vec::new();
    for (name, snapshot) in snapshots {
        let mut row =
            json!({ "name": name, "description": snapshot.description, "snaptime": snapshot.snaptime });
        if let Some(parent) = &snapshot.parent {
            row["parent"] = parent.as_str().into();
        }
        if kind == GuestKind::Vm {
            row["vmstate"] = u8::from(snapshot.vmstate).into();
        }
        rows.push(row);
    }
    let mut now = json!({
        "name": "current",
        "description": "You are here!",
        "digest": guest.digest(),
        "running": u8::from(guest.running),
    });
    if let Some(parent) = guest.get("parent") {
        now["parent"] = parent.into();
    }
    rows.push(now);
    Ok(Value::from(rows).into())
}

pub(crate) fn take(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let name = args.text("snapname").to_owned();
    call.guest(kind, vmid)?;
    if name == "current" {
        return Err(Refusal::failed("unable to use snapshot name 'current' (reserved name)"));
    }
    if name == "vzdump" && kind == GuestKind::Lxc {
        return Err(Refusal::failed("unable to use snapshot name 'vzdump' (reserved name)"));
    }
    let description = args.text("description").to_owned();
    call.task(Work::Snapshot { kind, vmid, name, description, vmstate: args.flag("vmstate") })
}

pub(crate) fn delete(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let name = args.text("snapname");
    call.guest(kind, vmid)?;
    call.task(Work::DeleteSnapshot { kind, vmid, name: name.to_owned() })
}

pub(crate) fn rollback(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let name = args.text("snapname");
    call.guest(kind, vmid)?;
    call.task(Work::Rollback { kind, vmid, name: name.to_owned(), start: args.flag("start") })
}

pub(crate) fn read(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let name = args.text("snapname");
    Ok(Value::from(values(call.guest(kind, vmid)?, name, config::open_json)?).into())
}

pub(crate) fn describe(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let name = args.text("snapname");
    let unknown = || Refusal::failed(format!("snapshot '{name}' does not exist"));
    if !call.free_guest(kind, vmid)?.snapshots.contains_key(name) {
        return Err(unknown());
    }
    let snapshot = call.state.guest_mut(kind, vmid).and_then(|guest| guest.snapshots.get_mut(name));
    let snapshot = snapshot.ok_or_else(unknown)?;
    if let Some(text) = args.get("description") {
        snapshot.description = normal(kind, "description", text);
    }
    Ok(Answer::null())
}

/// Returns the configuration of a snapshot with its own description.
pub(crate) fn values(
    guest: &Guest,
    name: &str,
    json: fn(GuestKind, &str, &str) -> Value,
) -> Result<Map<String, Value>, Refusal> {
    let snapshot = guest
        .snapshots
        .get(name)
        .ok_or_else(|| Refusal::failed(format!("snapshot '{name}' does not exist")))?;
    let mut data: Map<String, Value> =
        snapshot.config.iter().map(|(key, value)| (key.clone(), json(guest.kind, key, value))).collect();
    data.insert("snaptime".to_owned(), snapshot.snaptime.into());
    if !snapshot.description.is_empty() {
        data.insert("description".to_owned(), snapshot.description.as_str().into());
    }
    if let Some(parent) = &snapshot.parent {
        data.insert("parent".to_owned(), parent.as_str().into());
    }
    Ok(data)
}
