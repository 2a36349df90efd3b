//! Software of the host: where packages come from, packages, time, name, accounts, shares, profiles, this program.

use ipnet::IpNet;
use phoenix_core::Diagnostic;
use serde_json::{Map, Value, json};

use super::Uses;
use crate::{
    format::samba::{Samba, Share},
    model::{Entry, HYPERVISOR_FILE, Spot},
    secret::Secret,
};

/// Adds the features that follow.
pub(super) fn add(uses: &mut Uses<'_, '_>) {
    base(uses);
    accounts(uses);
    samba(uses);
    profiles(uses);
    let wants_program = uses.context.model.hypervisor.host.as_ref().is_some_and(|host| host.phoenix_program);
    if wants_program {
        uses.feature("phoenix-program", "/host/phoenix_program");
    }
}

/// Where packages come from, the name and the clock.
fn base(uses: &mut Uses<'_, '_>) {
    let model = uses.context.model;
    let hypervisor = &model.hypervisor;
    let (host, network) = (hypervisor.host.as_ref(), hypervisor.network.as_ref());
    let hostname = network.and_then(|network| network.hostname.clone());
    if host.is_none_or(|host| host.repositories.is_empty() && host.time_servers.is_empty())
        && hostname.is_none()
    {
        return;
    }
    let address = uses.context.host.addresses.first().and_then(|address| address.parse::<IpNet>().ok());
    let domain = uses.context.host.domain.clone();
    let pointer = if host.is_some() { "/host" } else { "/network" };
    let Some(config) = uses.feature("host-base", pointer) else { return };
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.entry(key).or_insert(value);
        }
    };
    if hostname.is_some() {
        add("address", address.map(|address| json!(address.addr())));
        add("domain", domain.map(Value::from));
    }
    add("hostname", hostname.map(Value::from));
    if let Some(host) = host {
        add("repositories", (!host.repositories.is_empty()).then(|| json!(host.repositories)));
        add("time_servers", (!host.time_servers.is_empty()).then(|| json!(host.time_servers)));
        add("time_program", host.time_program.map(|program| json!(program)));
    }
}

/// The profiles that are declared, and those that containers name and nobody declares.
fn profiles(uses: &mut Uses<'_, '_>) {
    let (model, guests) = (uses.context.model, uses.context.guests);
    let declared = model.hypervisor.host.as_ref().map(|host| &host.apparmor_profiles);
    for guest in guests {
        let Entry::Lxc(lxc) = guest.entry else { continue };
        let Some(name) = lxc.apparmor_profile.as_deref() else { continue };
        // What comes with LXC and Proxmox VE.
        let is_known = ["unconfined", "unchanged", "generated"].contains(&name)
            || name.starts_with("lxc-container-default")
            || declared.is_some_and(|declared| declared.contains_key(name));
        if !is_known {
            let message =
                format!("`{}` names the AppArmor profile `{name}`, which nobody declares", guest.name);
            let hint =
                "declare it in `host.apparmor_profiles` of the host's file, or name one that comes with LXC";
            let finding = Diagnostic::warning("undeclared-apparmor", message).with_hint(hint);
            uses.context.findings.push(guest.spot.at("apparmor_profile").put(finding));
        }
    }
    let texts: Map<String, Value> = declared
        .into_iter()
        .flatten()
        .filter_map(|(name, profile)| Some((name.clone(), json!(profile.text.as_ref()?))))
        .collect();
    if texts.is_empty() {
        return;
    }
    if let Some(config) = uses.feature("apparmor-profiles", "/host/apparmor_profiles") {
        config.entry("profiles").or_insert(Value::Object(texts));
    }
}

/// What the feature `base-setup` does here as in guests.
fn accounts(uses: &mut Uses<'_, '_>) {
    let model = uses.context.model;
    let packages = model.hypervisor.host.iter().flat_map(|host| host.packages.clone()).collect::<Vec<_>>();
    // One that is none was told of where the file's shape was looked at.
    let is_zone = |zone: &String| zone != "host" && !zone.contains(char::is_whitespace);
    let timezone = uses.context.host.timezone.clone().filter(is_zone);
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
