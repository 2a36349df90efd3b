//! Software of the host: where packages come from, packages, time, name, accounts, shares.

use ipnet::IpNet;
use phoenix_core::Diagnostic;
use serde_json::{Map, Value, json};

use super::Uses;
use crate::{
    format::samba::{Samba, Share},
    model::{HYPERVISOR_FILE, Spot},
    secret::Secret,
};

/// Adds the features that follow.
pub(super) fn add(uses: &mut Uses<'_, '_>) {
    accounts(uses);
    samba(uses);
}

/// What the feature `base-setup` does here as in guests.
fn accounts(uses: &mut Uses<'_, '_>) {
    let model = uses.context.model;
    let packages = model.hypervisor.host.iter().flat_map(|host| host.packages.clone()).collect::<Vec<_>>();
    let timezone = uses.context.host.timezone.clone().filter(|zone| zone != "host");
    let users: Vec<Value> = uses
        .context
        .host
        .users
        .iter()
        .map(|user| {
            let mut entry = json!({ "name": user.name, "sudo": user.sudo, "ssh_keys": user.ssh_keys });
            if let Some(hash) = &user.password_hash {
                entry["password_hash"] = json!(hash.to_string());
            }
            entry
        })
        .collect();
    let pointer = match (&timezone, users.is_empty(), packages.is_empty()) {
        (Some(_), ..) => "/timezone",
        (None, false, _) => "/users",
        (None, true, false) => "/host/packages",
        (None, true, true) => return,
    };
    let Some(config) = uses.feature("base-setup", pointer) else { return };
    if let Some(timezone) = timezone {
        config.entry("timezone").or_insert(Value::from(timezone));
    }
    // What guests have by default is nobody's wish for a host.
    config.entry("packages").or_insert(json!(packages));
    if !users.is_empty() {
        config.entry("users").or_insert(json!(users));
    }
}

fn samba(uses: &mut Uses<'_, '_>) {
    let model = uses.context.model;
    let Some(samba) = &model.hypervisor.samba else { return };
    let users = samba_users(uses, samba);
    let shares: Vec<Value> = samba.shares.iter().map(|share| shared(samba, share)).collect();
    let address = uses.context.host.addresses.first().and_then(|address| address.parse::<IpNet>().ok());
    let workgroup = model.hypervisor.network.as_ref().and_then(|network| network.workgroup.clone());
    let Some(config) = uses.feature("samba", "/samba") else { return };
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.entry(key).or_insert(value);
        }
    };
    add("address", address.map(|address| json!(address.addr())));
    add("workgroup", workgroup.map(Value::from));
    add("users", Some(json!(users)));
    add("shares", Some(json!(shares)));
}

/// Returns everybody who may log in, and tells of those who cannot for want of a password.
fn samba_users(uses: &mut Uses<'_, '_>, samba: &Samba) -> Vec<Value> {
    let first = samba.user.iter().map(|name| (name, &samba.password, "/samba/user".to_owned()));
    let more = samba.users.iter().enumerate();
    let more = more.map(|(at, user)| (&user.name, &user.password, format!("/samba/users/{at}")));
    let mut users = Vec::new();
    for (name, password, pointer) in first.chain(more) {
        let mut entry = Map::from_iter([("name".to_owned(), json!(name))]);
        if uses.context.host.users.iter().any(|user| user.name == *name) {
            entry.insert("has_account".to_owned(), json!(true));
        }
        match Secret::read(password.as_deref().unwrap_or_default()) {
            Secret::Reference(reference) => {
                entry.insert("password".to_owned(), json!(reference.to_string()));
            }
            // A plain one is an error already.
            Secret::Plain => {}
            Secret::Unset => {
                let message = format!("nobody can log in to Samba as `{name}`, who has no password");
                let finding = Diagnostic::warning("samba-password", message)
                    .with_hint("add `\"password\": \"env:SAMBA_PASSWORD\"`, or another reference");
                uses.context.findings.push(Spot::new(HYPERVISOR_FILE, pointer).put(finding));
            }
        }
        users.push(Value::Object(entry));
    }
    users
}

/// Returns a share as the feature reads it. Its path is absolute, or begins with the name of a pool.
fn shared(samba: &Samba, share: &Share) -> Value {
    let path = format!("/{}", share.path.trim_matches('/'));
    let mut entry = json!({
        "name": share.name, "path": path, "browsable": share.browsable.unwrap_or(true),
        "read_only": share.read_only.unwrap_or(false), "guest_ok": share.guest_ok.unwrap_or(false),
        "valid_users": share.valid_users,
    });
    if let Some(owner) = share.owner.as_ref().or(samba.user.as_ref()) {
        entry["owner"] = json!(owner);
    }
    entry
}
