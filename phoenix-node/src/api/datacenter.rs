//! The options of the datacenter: some are property strings, and shown as objects.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        folder::given,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{Cluster, config},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes =
    &[("GET /cluster/options", Handler::Plain(read)), ("PUT /cluster/options", Handler::Plain(change))];

/// The first bytes of the addresses of network cards, unless others are chosen.
const MAC_PREFIX: &str = "BC:24:11";

/// Options that are property strings, with the key of a value without one.
const OBJECTS: &[(&str, &str)] = &[
    ("crs", "ha"),
    ("ha", "shutdown_policy"),
    ("migration", "type"),
    ("next-id", "lower"),
    ("notify", "package-updates"),
    ("replication", "type"),
    ("tag-style", "shape"),
    ("u2f", "origin"),
    ("user-tag-access", "user-allow"),
    ("webauthn", "rp"),
];

/// Options whose numbers are shown as numbers.
const NUMBERS: &[&str] = &["crs", "next-id", "tag-style"];

fn read(call: &mut Call<'_>) -> Reply {
    let mut row: Map<String, Value> = Map::new();
    row.insert("mac_prefix".to_owned(), MAC_PREFIX.into());
    row.insert("description".to_owned(), "".into());
    for (key, value) in &call.state.cluster.options {
        let value = match (OBJECTS.iter().find(|(name, _)| name == key), value.as_str()) {
            (Some((_, default)), Some(text)) => object(key, default, text),
            _ => value.clone(),
        };
        row.insert(key.clone(), value);
    }
    let tags = call.state.guests.values().filter_map(|guest| guest.get("tags"));
    let registered = call.state.cluster.options.get("registered-tags").and_then(Value::as_str);
    let mut tags: Vec<&str> = tags.chain(registered).flat_map(|tags| tags.split([';', ',', ' '])).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort_unstable();
    tags.dedup();
    row.insert("allowed-tags".to_owned(), json!(tags));
    if let Some(tags) = registered {
        row.insert("registered-tags".to_owned(), json!(tags.split(';').collect::<Vec<_>>()));
    }
    Ok(Value::from(row).into())
}

fn object(key: &str, default: &str, text: &str) -> Value {
    let pairs = config::pairs(text).into_iter();
    let typed = |value: &str| match value.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&key) => number.into(),
        Ok(_) | Err(_) => Value::from(value),
    };
    let named =
        pairs.map(|(name, value)| (if name.is_empty() { default } else { name }.to_owned(), typed(value)));
    Value::from(named.collect::<Map<String, Value>>())
}

fn change(call: &mut Call<'_>) -> Reply {
    let given = given(call, &[]);
    let delete = call.args.list("delete");
    if given.is_empty() && delete.is_empty() {
        return Err(Refusal::failed("no options specified"));
    }
    if let Some(key) = delete.iter().find(|key| !call.entry.has(key) || *key == "delete") {
        return Err(Refusal::failed(format!("unknown option '{key}'")));
    }
    let options = &mut call.state.cluster.options;
    for key in &delete {
        options.remove(key);
    }
    options.extend(given);
    Ok(Answer::null())
}

/// Returns the range that free ids are looked for in: from the first on, up to but without the second.
pub(super) fn id_range(cluster: &Cluster) -> (u32, u32) {
    let text = cluster.options.get("next-id").and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str, default: u32| {
        config::property(text, key).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    (number("lower", 100), number("upper", 1_000_000))
}
