//! The calls that read and change a guest's options.

use phoenix_core::GuestKind;
use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        args::Args,
        create::check_disk,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema,
    },
    state::{change, config, guest::Guest},
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}/{vmid}/config", Handler::Guest(read)),
    ("GET /nodes/{node}/{kind}/{vmid}/pending", Handler::Guest(pending)),
    ("PUT /nodes/{node}/{kind}/{vmid}/config", Handler::Guest(write)),
    ("POST /nodes/{node}/qemu/{vmid}/config", Handler::Guest(write_later)),
];

pub(crate) fn read(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let guest = call.guest(kind, vmid)?;
    if let Some(name) = args.get("snapshot") {
        let mut data = super::snapshot::values(guest, name)?;
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
    let (set, delete, revert) = check(call, kind, vmid)?;
    change::apply(call.state, kind, vmid, &set, &delete, &revert).map_err(Refusal::failed)?;
    Ok(Answer::null())
}

pub(crate) fn write_later(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let (set, delete, revert) = check(call, kind, vmid)?;
    call.task(Work::Configure { vmid, set, delete, revert })
}

/// Returns the set of a kind's options.
pub(crate) fn options(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "lxc-options",
        GuestKind::Vm => "qemu-options",
    }
}

type Wanted = (std::collections::BTreeMap<String, String>, Vec<String>, Vec<String>);

fn check(call: &Call<'_>, kind: GuestKind, vmid: u32) -> Result<Wanted, Refusal> {
    let options = options(kind);
    let args = call.args.clone();
    let set = args.of(options);
    let (delete, revert) = (args.list("delete"), args.list("revert"));
    for key in &delete {
        if !schema::is_in_set(options, key) {
            return Err(Refusal::param("delete", format!("unknown option '{key}'")));
        }
        if set.contains_key(key) {
            let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
            return Err(Refusal::param("delete", text));
        }
    }
    let guest = call.guest(kind, vmid)?;
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(Refusal::failed("no options specified"));
    }
    if !args.flag("skiplock") || kind == GuestKind::Lxc {
        call.free_guest(kind, vmid)?;
    }
    check_digest(&args, guest)?;
    if kind == GuestKind::Lxc {
        let required =
            delete.iter().find(|key| matches!(key.as_str(), "memory" | "rootfs" | "swap" | "arch"));
        if let Some(key) = required {
            return Err(Refusal::failed(format!("unable to delete required option '{key}'")));
        }
        let fixed = set.keys().chain(&delete).find(|key| key.as_str() == "unprivileged");
        if let Some(key) = fixed {
            return Err(Refusal::failed(format!("unable to modify read-only option: '{key}'")));
        }
    }
    if guest.is_protected() {
        let disk = delete.iter().find(|key| config::is_disk(kind, key));
        if let Some(disk) = disk {
            let noun = if kind == GuestKind::Lxc { "CT" } else { "VM" };
            return Err(Refusal::failed(format!(
                "can't remove {noun} {vmid} drive '{disk}' - protection mode enabled"
            )));
        }
    }
    for (key, value) in set.iter().filter(|(key, _)| config::is_disk(kind, key)) {
        check_disk(call, kind, key, value)?;
    }
    Ok((set, delete, revert))
}

fn check_digest(args: &Args, guest: &Guest) -> Result<(), Refusal> {
    match args.get("digest") {
        Some(digest) if digest != guest.digest() => Err(Refusal::failed(match guest.kind {
            GuestKind::Lxc => "detected modified configuration - file changed by other user? Try again.",
            GuestKind::Vm => "checksum mismatch (file change by other user?)",
        })),
        _ => Ok(()),
    }
}
