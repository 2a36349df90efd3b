//! The calls on realms. Those that are not built in are definitions: nobody can log in by way of them.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    api::{
        Call,
        args::Args,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        access::{Access, Realm},
        config,
    },
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/domains", Handler::Plain(list)),
    ("POST /access/domains", Handler::Plain(create)),
    ("GET /access/domains/{realm}", Handler::Plain(read)),
    ("PUT /access/domains/{realm}", Handler::Plain(update)),
    ("DELETE /access/domains/{realm}", Handler::Plain(delete)),
];

const FLAGS: &[&str] = &[
    "autocreate",
    "case-sensitive",
    "check-connection",
    "default",
    "groups-autocreate",
    "groups-overwrite",
    "query-userinfo",
    "secure",
    "verify",
];

fn list(call: &mut Call<'_>) -> Reply {
    let rows = call.state.access.realms.iter().map(|(name, realm)| {
        let mut row = json!({ "realm": name, "type": realm.kind });
        if let Some(text) = realm.options.get("comment") {
            row["comment"] = text.as_str().into();
        }
        if realm.options.get("default").is_some_and(|text| text == "1") {
            row["default"] = 1.into();
        }
        if let Some(kind) = realm.options.get("tfa").and_then(|tfa| config::property(tfa, "type")) {
            row["tfa"] = kind.into();
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("realm");
    let realm = call.state.access.realms.get(name).ok_or_else(|| Refusal::failed(missing(name)))?;
    let mut data: Map<String, Value> =
        realm.options.iter().map(|(key, text)| (key.clone(), json_of(key, text))).collect();
    data.insert("type".to_owned(), realm.kind.as_str().into());
    data.insert("digest".to_owned(), digest(&call.state.access).into());
    Ok(Value::from(data).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    make(&mut call.state.access, &args).map_err(|refusal| refusal.within("add auth server failed"))
}

fn make(access: &mut Access, args: &Args) -> Reply {
    let (name, kind) = (args.text("realm"), args.text("type"));
    if access.realms.contains_key(name) {
        return Err(Refusal::failed(format!("domain '{name}' already exists")));
    }
    if matches!(name, "pam" | "pve") {
        return Err(Refusal::failed(format!("unable to use reserved name '{name}'")));
    }
    if matches!(kind, "pam" | "pve") {
        return Err(Refusal::failed(format!("unable to create builtin type '{kind}'")));
    }
    let required: &[&str] = match kind {
        "ad" => &["server1", "domain"],
        "ldap" => &["server1", "base_dn", "user_attr"],
        _ => &["issuer-url", "client-id"],
    };
    if let Some(key) = required.iter().find(|key| args.get(key).is_none()) {
        return Err(Refusal::failed(format!("missing value for required option '{key}'")));
    }
    let mut realm = Realm { kind: kind.to_owned(), ..Realm::default() };
    take(access, &mut realm, args);
    access.realms.insert(name.to_owned(), realm);
    Ok(Answer::null())
}

fn update(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    change(&mut call.state.access, &args).map_err(|refusal| refusal.within("update auth server failed"))
}

fn change(access: &mut Access, args: &Args) -> Reply {
    let name = args.text("realm");
    if args.get("digest").is_some_and(|shown| shown != digest(access)) {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(Refusal::failed(text));
    }
    let mut realm = access.realms.get(name).cloned().ok_or_else(|| Refusal::failed(missing(name)))?;
    let delete = args.list("delete");
    if delete.is_empty() && options(args).next().is_none() {
        return Err(Refusal::failed("no options specified"));
    }
    for key in delete {
        realm.options.remove(&key);
    }
    take(access, &mut realm, args);
    access.realms.insert(name.to_owned(), realm);
    Ok(Answer::null())
}

/// The built-in realms come back as they were in the beginning.
fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("realm").to_owned();
    if call.state.access.realms.remove(&name).is_none() {
        let text = format!("delete auth server failed: authentication domain '{name}' does not exist");
        return Err(Refusal::failed(text));
    }
    if let Some(realm) = Access::default().realms.remove(&name) {
        call.state.access.realms.insert(name, realm);
    }
    Ok(Answer::null())
}

/// Takes the options of a call over. One realm at most is the default.
fn take(access: &mut Access, realm: &mut Realm, args: &Args) {
    if args.flag("default") {
        for other in access.realms.values_mut() {
            other.options.remove("default");
        }
    }
    realm.options.extend(options(args).map(|(key, text)| (key.to_owned(), text.to_owned())));
}

/// Returns the options of a call that are kept: all but the password, which PVE keeps elsewhere and nobody asks for.
fn options(args: &Args) -> impl Iterator<Item = (&str, &str)> {
    let own = ["realm", "type", "delete", "digest", "password", "check-connection"];
    args.keys().filter(move |key| !own.contains(key)).filter_map(|key| Some((key, args.get(key)?)))
}

fn json_of(key: &str, text: &str) -> Value {
    match (FLAGS.contains(&key) || key == "port", text.parse::<u32>()) {
        (true, Ok(number)) => number.into(),
        (true | false, _) => text.into(),
    }
}

fn digest(access: &Access) -> String {
    let mut hash = Sha256::new();
    for (name, realm) in &access.realms {
        hash.update(format!("{}: {name}\n", realm.kind));
        for (key, text) in &realm.options {
            hash.update(format!("\t{key} {text}\n"));
        }
    }
    let mut text = config::hex(&hash.finalize());
    text.truncate(40);
    text
}

fn missing(name: &str) -> String {
    format!("domain '{name}' does not exist")
}
