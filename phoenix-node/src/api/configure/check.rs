//! What a change of options must keep to before anything is changed.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    api::{
        Call,
        args::Args,
        create::{check_device, check_disk, check_script},
        options as rights,
        reply::Refusal,
        schema::{self, Given},
    },
    state::{
        change::Change,
        config::{self, options},
        guest::Guest,
    },
};

/// Returns the change that a call asks for.
pub(super) fn wanted(call: &Call<'_>, kind: GuestKind, vmid: u32) -> Result<Change, Refusal> {
    let args = &call.args;
    let mut set = args.of(options(kind));
    let (delete, revert) = (args.list("delete"), args.list("revert"));
    for key in &delete {
        if !schema::is_in_set(options(kind), key) {
            return Err(Refusal::param("delete", format!("unknown option '{key}'")));
        }
        if set.contains_key(key) {
            let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
            return Err(Refusal::param("delete", text));
        }
    }
    call.root_option("skiplock")?;
    let present = call.state.guest(kind, vmid);
    let unprivileged = present.is_some_and(|guest| guest.get("unprivileged") == Some("1"));
    let target = rights::Target { kind, vmid, pool: None, unprivileged, present };
    rights::check(call, target, &set, &delete)?;
    let guest = call.guest(kind, vmid)?;
    if is_empty(args, kind, &delete, &revert) {
        return Err(Refusal::failed("no options specified"));
    }
    set.extend(nulls(args, kind)?);
    if !args.flag("skiplock") || kind == GuestKind::Lxc {
        call.free_guest(kind, vmid)?;
    }
    check_digest(args, guest)?;
    let change = Change { set, delete, revert };
    check_fixed(guest, &change)?;
    for (key, value) in &change.set {
        match key.as_str() {
            "hookscript" => check_script(call, kind, value)?,
            "boot" => check_boot(guest, &change, value)?,
            key if config::is_disk(kind, key) => check_disk(call, kind, key, value)?,
            key if kind == GuestKind::Lxc => check_device(call.state, key, value)?,
            _ => {}
        }
    }
    Ok(change)
}

/// Refuses a change of a configuration that is not the one that was read.
pub(crate) fn check_digest(args: &Args, guest: &Guest) -> Result<(), Refusal> {
    match args.get("digest") {
        Some(digest) if digest != guest.digest() => Err(Refusal::failed(match guest.kind {
            GuestKind::Lxc => "detected modified configuration - file changed by other user? Try again.",
            GuestKind::Vm => "checksum mismatch (file change by other user?)",
        })),
        _ => Ok(()),
    }
}

fn is_empty(args: &Args, kind: GuestKind, delete: &[String], revert: &[String]) -> bool {
    let mut keys =
        args.keys().filter(|key| !matches!(*key, "node" | "vmid" | "digest" | "skiplock" | "force"));
    match kind {
        // A container's list of nothing is something all the same.
        GuestKind::Lxc => keys.next().is_none(),
        GuestKind::Vm => {
            delete.is_empty() && revert.is_empty() && keys.all(|key| matches!(key, "delete" | "revert"))
        }
    }
}

/// Returns what JSON's null does to options: no check looked at it.
fn nulls(args: &Args, kind: GuestKind) -> Result<BTreeMap<String, String>, Refusal> {
    let mut set = BTreeMap::new();
    let is_null = |key: &&str| args.given(key) == Some(&Given::Null);
    for key in args.keys().filter(is_null).filter(|key| schema::is_in_set(options(kind), key)) {
        let form = schema::form_of(options(kind), key);
        match (kind, key, form) {
            (GuestKind::Lxc, "description", _) => drop(set.insert(key.to_owned(), String::new())),
            (GuestKind::Vm, "description", _) => {}
            (_, "tags", _) => drop(set.insert(key.to_owned(), " ".to_owned())),
            (GuestKind::Lxc, _, Some(form)) if !schema::dict::missing(form, "").is_empty() => {
                return Err(lacking(form));
            }
            (GuestKind::Lxc, ..) => drop(set.insert(key.to_owned(), " ".to_owned())),
            (GuestKind::Vm, _, Some(_)) if matches!(config::split_index(key), (_, Some(_))) => {
                let errors = BTreeMap::from([("_root".to_owned(), "an object is required".to_owned())]);
                return Err(Refusal::Form("format error".to_owned(), errors));
            }
            (GuestKind::Vm, ..) => {
                let text = format!("unable to parse value of '{key}' - got undefined value");
                return Err(Refusal::failed(text));
            }
        }
    }
    Ok(set)
}

/// Returns the refusal of a property string that has nothing in it.
pub(crate) fn lacking(form: &str) -> Refusal {
    let text = || "property is missing and it is not optional".to_owned();
    let errors = schema::dict::missing(form, "").into_iter().map(|name| (name, text())).collect();
    Refusal::Form("format error\n".to_owned(), errors)
}

fn check_fixed(guest: &Guest, change: &Change) -> Result<(), Refusal> {
    if guest.kind == GuestKind::Lxc {
        if let Some(key) = change.delete.iter().find(|key| matches!(key.as_str(), "memory" | "rootfs")) {
            return Err(Refusal::failed(format!("unable to delete required option '{key}'")));
        }
        if let Some(key) = change.set.keys().chain(&change.delete).find(|key| key.as_str() == "unprivileged")
        {
            return Err(Refusal::failed(format!("unable to modify read-only option: '{key}'")));
        }
    }
    let lost = change.delete.iter().find(|key| config::is_disk(guest.kind, key));
    match lost.filter(|_| guest.is_protected()) {
        Some(disk) => {
            let noun = if guest.kind == GuestKind::Lxc { "CT" } else { "VM" };
            let text = format!("can't remove {noun} {} drive '{disk}' - protection mode enabled", guest.vmid);
            Err(Refusal::failed(text))
        }
        None => Ok(()),
    }
}

/// Refuses an order of devices that names one that will not be there.
fn check_boot(guest: &Guest, change: &Change, value: &str) -> Result<(), Refusal> {
    if guest.kind == GuestKind::Lxc {
        return Ok(());
    }
    let order = config::property(value, "order").unwrap_or_default();
    for device in order.split(';').filter(|device| !device.is_empty()) {
        let is_there = guest.config.contains_key(device)
            || change.set.contains_key(device)
            || guest.pending.get(device).is_some_and(Option::is_some);
        if !is_there || change.delete.iter().any(|key| key == device) {
            return Err(Refusal::failed(format!("invalid bootorder: device '{device}' does not exist'")));
        }
    }
    Ok(())
}
