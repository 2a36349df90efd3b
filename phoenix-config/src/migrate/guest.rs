//! What both kinds of guest need: names, clones, networks, features, dependencies.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::draft::Draft;
use crate::{
    lower::{canonical_feature, known_features},
    model::Guest,
    shape::check_text,
};

/// Cleans what containers and virtual machines write alike.
pub(super) fn clean(draft: &mut Draft<'_>, guest: &Guest<'_>, becomes_template: &BTreeSet<u32>) {
    name(draft, guest);
    clone(draft, guest);
    network(draft, guest);
    features(draft, guest);
    dependencies(draft, guest, becomes_template);
}

fn entry<'d>(draft: &'d mut Draft<'_>, guest: &Guest<'_>) -> Option<&'d mut Map<String, Value>> {
    draft.object(&guest.spot.file, &guest.spot.pointer)
}

fn explain(
    draft: &mut Draft<'_>,
    guest: &Guest<'_>,
    key: &str,
    what: impl Into<String>,
    why: impl Into<String>,
) {
    let spot = guest.spot.at(key);
    draft.explain(&spot.file, &spot.pointer, what, why);
}

fn name(draft: &mut Draft<'_>, guest: &Guest<'_>) {
    let old = guest.name;
    let (mut new, mut why) = (old.to_owned(), "");
    if check_text("hostname", old).is_some() {
        new = old.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        new = new.trim_matches('-').to_owned();
        why = "a host name has only letters, digits and dashes";
    }
    let clashes = guest.traefik.is_some_and(|service| service.name.eq_ignore_ascii_case(&new));
    if clashes && matches!(guest.entry, crate::model::Entry::Vm(_)) {
        new = format!("{new}-server");
        why = "the same name is a route through the gateway, and would lead to two addresses";
    }
    if new == old {
        return;
    }
    if let Some(entry) = entry(draft, guest) {
        entry.insert("name".to_owned(), json!(new));
        entry.entry("title").or_insert_with(|| json!(old));
    }
    explain(draft, guest, "name", format!("renamed `{old}` to `{new}`, with the old name as `title`"), why);
}

fn clone(draft: &mut Draft<'_>, guest: &Guest<'_>) {
    let Some(source) = guest.clone.as_ref().map(|clone| clone.source) else { return };
    let Some(entry) = entry(draft, guest) else { return };
    for key in ["clone_from_ctid", "clone_from_vmid"] {
        if entry.remove(key).is_some() {
            entry.insert("clone".to_owned(), json!({ "from": source }));
            explain(
                draft,
                guest,
                key,
                format!("wrote `{key}` as `clone`"),
                "it takes the mode and a snapshot too",
            );
            return;
        }
    }
}

fn network(draft: &mut Draft<'_>, guest: &Guest<'_>) {
    let own = draft.dns_server();
    let net = draft.host_net();
    let Some(entry) = entry(draft, guest) else { return };
    let mut servers: Vec<String> = Vec::new();
    if let Some(Value::Object(mut network)) = entry.remove("network_config") {
        for key in ["nameservers", "nameserver"] {
            if let Some(Value::String(text)) = network.remove(key) {
                servers
                    .extend(text.split([' ', ',', ';']).filter(|part| !part.is_empty()).map(str::to_owned));
            }
        }
        if let Some(mac) = entry.remove("mac_address") {
            network.insert("mac".to_owned(), mac);
        }
        entry.insert("networks".to_owned(), json!([network]));
        explain(
            draft,
            guest,
            "network_config",
            "wrote `network_config` as `networks`",
            "a guest may have several interfaces",
        );
    }
    let Some(own) = own else {
        set_servers(draft, guest, servers);
        return;
    };
    let knows_names = |server: &String| {
        server.parse().is_ok_and(|server: std::net::IpAddr| net.is_some_and(|net| net.contains(&server)))
    };
    if servers.first().is_none_or(|first| !knows_names(first)) {
        let what = format!("wrote `{own}` as its DNS server");
        let why = match servers.first() {
            Some(first) => format!("`{first}` knows none of the internal names"),
            None => "it had none, and the host's first one serves no internal names".to_owned(),
        };
        explain(draft, guest, "network_config", what, why);
        servers = vec![own];
    }
    set_servers(draft, guest, servers);
}

fn set_servers(draft: &mut Draft<'_>, guest: &Guest<'_>, servers: Vec<String>) {
    if let Some(entry) = entry(draft, guest).filter(|_| !servers.is_empty()) {
        entry.entry("nameservers").or_insert_with(|| json!(servers));
    }
}

fn features(draft: &mut Draft<'_>, guest: &Guest<'_>) {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Value> = Vec::new();
    let old =
        entry(draft, guest).and_then(|entry| entry.get("features")?.as_array().cloned()).unwrap_or_default();
    for (index, mut feature) in old.into_iter().enumerate() {
        let key = format!("features/{index}");
        let name = feature.as_str().or_else(|| feature.get("name")?.as_str()).unwrap_or_default().to_owned();
        let new = canonical_feature(&name);
        if known_features().all(|one| one != new) {
            explain(draft, guest, &key, format!("removed the feature `{name}`"), "there is no such feature");
            continue;
        }
        if !seen.insert(new.clone()) {
            explain(draft, guest, &key, format!("removed the feature `{name}`"), "it was given twice");
            continue;
        }
        if new != name {
            explain(
                draft,
                guest,
                &key,
                format!("renamed the feature `{name}` to `{new}`"),
                "this is its name now",
            );
        }
        match &mut feature {
            Value::Object(map) => {
                map.insert("name".to_owned(), json!(new));
            }
            other => *other = json!(new),
        }
        kept.push(feature);
    }
    if let Some(entry) = entry(draft, guest).filter(|entry| entry.contains_key("features")) {
        entry.insert("features".to_owned(), Value::Array(kept));
    }
}

fn dependencies(draft: &mut Draft<'_>, guest: &Guest<'_>, becomes_template: &BTreeSet<u32>) {
    let own = guest.id.vmid.0;
    let mut kept: Vec<u32> = Vec::new();
    for (index, (dependency, _)) in guest.dependencies.iter().enumerate() {
        let why = if !draft.model.declared.contains_key(dependency) {
            "no file declares that guest"
        } else if *dependency == own {
            "a guest cannot wait for itself"
        } else if becomes_template.contains(dependency) {
            "a template never runs, so nothing can wait for it"
        } else if becomes_template.contains(&own) {
            "a template only needs what it is made from; so did everything that is cloned from it"
        } else {
            kept.push(*dependency);
            continue;
        };
        explain(
            draft,
            guest,
            &format!("dependencies/{index}"),
            format!("removed the dependency on {dependency}"),
            why,
        );
    }
    if let Some(entry) = entry(draft, guest).filter(|entry| entry.contains_key("dependencies")) {
        entry.insert("dependencies".to_owned(), json!(kept));
    }
}
