//! The calls that read and change a guest's options.

mod check;

pub(crate) use check::{check_digest, lacking};
use phoenix_core::GuestKind;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Reply},
        router::{Handler, Routes},
    },
    state::{change, config},
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}/{vmid}/config", Handler::Guest(read)),
    ("GET /nodes/{node}/{kind}/{vmid}/pending", Handler::Guest(pending)),
    ("PUT /nodes/{node}/{kind}/{vmid}/config", Handler::Guest(write)),
    ("POST /nodes/{node}/qemu/{vmid}/config", Handler::Guest(write_later)),
    ("PUT /nodes/{node}/qemu/{vmid}/unlink", Handler::Guest(unlink)),
];

pub(crate) fn read(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let guest = call.guest(kind, vmid)?;
    if let Some(name) = args.get("snapshot") {
        let mut data = super::snapshot::values(guest, name, config::json)?;
        data.insert("digest".to_owned(), guest.digest().into());
        return Ok(Value::from(data).into());
    }
    let mut values = guest.config.clone();
    if !args.flag("current") {
        for (key, value) in &guest.pending {
            match value {
                Some(value) => values.insert(key.clone(), value.clone()),
                None => values.remove(key),
            };
        }
    }
    let mut data: Map<String, Value> =
        values.iter().map(|(key, value)| (key.clone(), config::json(kind, key, value))).collect();
    data.insert("digest".to_owned(), guest.digest().into());
    if !guest.raw.is_empty() {
        data.insert("lxc".to_owned(), guest.raw.iter().map(|(key, value)| json!([key, value])).collect());
    }
    Ok(Value::from(data).into())
}

pub(crate) fn pending(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    let mut rows: Vec<Value> = Vec::new();
    for (key, value) in &guest.config {
        let mut row = json!({ "key": key, "value": config::json(kind, key, value) });
        match guest.pending.get(key) {
            Some(Some(next)) => row["pending"] = config::json(kind, key, next),
            Some(None) => row["delete"] = 1.into(),
            None => {}
        }
        rows.push(row);
    }
    for (key, value) in &guest.pending {
        if let Some(value) = value.as_ref().filter(|_| !guest.config.contains_key(key)) {
            rows.push(json!({ "key": key, "pending": config::json(kind, key, value) }));
        }
    }
    rows.push(json!({ "key": "digest", "value": guest.digest() }));
    Ok(Value::from(rows).into())
}

pub(crate) fn write(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let change = check::wanted(call, kind, vmid)?;
    change::apply(call.state, kind, vmid, &change, &mut Vec::new())?;
    Ok(Answer::null())
}

fn write_later(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let change = check::wanted(call, kind, vmid)?;
    let asked = asked(call, vmid);
    call.task(Work::Configure { vmid, change, asked })
}

/// Removes disks from the options, and their volumes once they are unused.
fn unlink(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let ids = call.args.list("idlist");
    call.free_guest(kind, vmid)?;
    let change = change::Change { delete: ids, ..change::Change::default() };
    change::apply(call.state, kind, vmid, &change, &mut Vec::new())?;
    Ok(Answer::null())
}

/// Returns the line in which a task says what was asked for.
fn asked(call: &Call<'_>, vmid: u32) -> String {
    let mut words = format!("update VM {vmid}:");
    for key in call.args.keys().filter(|key| !matches!(*key, "node" | "vmid" | "digest")) {
        let value = match key {
            "cipassword" => "<hidden>".to_owned(),
            "delete" | "revert" => call.args.list(key).join(","),
            _ => call.args.text(key).to_owned(),
        };
        words.push_str(&format!(" -{key} {value}"));
    }
    words
}
