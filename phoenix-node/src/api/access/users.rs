//! The calls on users.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        access::{password, tokens},
        args::Args,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::access::{Access, User, realm_of},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/users", Handler::Plain(list)),
    ("POST /access/users", Handler::Plain(create)),
    ("GET /access/users/{userid}", Handler::Plain(read)),
    ("PUT /access/users/{userid}", Handler::Plain(update)),
    ("DELETE /access/users/{userid}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    const PRIVS: &[&str] = &["User.Modify", "Sys.Audit"];
    let access = &call.state.access;
    let caller = call.caller.id();
    let sees_all = call.may_any("/access/groups", PRIVS);
    let groups = access.groups.iter();
    let seen: BTreeSet<&str> = groups
        .filter(|(name, _)| call.may_any(&format!("/access/groups/{name}"), PRIVS))
        .flat_map(|(_, group)| group.members.iter().map(String::as_str))
        .collect();
    let enabled = call.args.get("enabled").map(|text| text == "1");
    let full = call.args.flag("full");
    let users = access.users.iter().filter(|(name, user)| {
        (sees_all || **name == caller || seen.contains(name.as_str()))
            && enabled.is_none_or(|enabled| enabled == user.enable)
    });
    let rows = users.map(|(name, user)| {
        let mut row = row(user);
        row.insert("userid".to_owned(), name.as_str().into());
        if let Some(realm) = access.realms.get(realm_of(name)) {
            row.insert("realm-type".to_owned(), realm.kind.as_str().into());
        }
        if full {
            row.insert("groups".to_owned(), groups_of(access, name).join(",").into());
            let tokens = user.tokens.iter().map(|(name, token)| tokens::row(name, token));
            let tokens = if user.tokens.is_empty() { Value::Null } else { tokens.collect() };
            row.insert("tokens".to_owned(), tokens);
        }
        Value::from(row)
    });
    Ok(rows.collect::<Value>().into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("userid");
    let access = &call.state.access;
    let user = access.users.get(name).ok_or_else(|| Refusal::failed(missing(name)))?;
    let mut data = row(user);
    data.insert("groups".to_owned(), groups_of(access, name).into());
    let tokens = user.tokens.iter().map(|(name, token)| (name.clone(), Value::from(tokens::values(token))));
    let tokens = if user.tokens.is_empty() { Value::Null } else { tokens.collect::<Map<_, _>>().into() };
    data.insert("tokens".to_owned(), tokens);
    Ok(Value::from(data).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    make(&mut call.state.access, &args).map_err(|refusal| refusal.within("create user failed"))
}

fn make(access: &mut Access, args: &Args) -> Reply {
    let name = args.text("userid");
    // Where case does not matter, one user cannot be there twice.
    let is_same = |other: &str| match access.realms.get(realm_of(name)) {
        Some(realm) if realm.options.get("case-sensitive").is_some_and(|text| text == "0") => {
            other.eq_ignore_ascii_case(name)
        }
        Some(_) | None => other == name,
    };
    if let Some(found) = access.users.keys().find(|other| is_same(other)) {
        return Err(Refusal::failed(format!("user '{found}' already exists")));
    }
    if args.get("password").is_some() {
        password::check(access, name)?;
    }
    check_groups(access, &args.list("groups"))?;
    let mut user = User::default();
    take(&mut user, args);
    access.users.insert(name.to_owned(), user);
    join(access, name, &args.list("groups"));
    if let Some(text) = args.get("password") {
        password::set(access, name, text)?;
    }
    Ok(Answer::null())
}

fn update(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    change(&mut call.state.access, &args).map_err(|refusal| refusal.within("update user failed"))
}

fn change(access: &mut Access, args: &Args) -> Reply {
    let name = args.text("userid");
    if !access.users.contains_key(name) {
        return Err(Refusal::failed(missing(name)));
    }
    let groups = args.list("groups");
    check_groups(access, &groups)?;
    if args.get("groups").is_some() && !args.flag("append") {
        for group in access.groups.values_mut() {
            group.members.remove(name);
        }
    }
    join(access, name, &groups);
    if let Some(user) = access.users.get_mut(name) {
        take(user, args);
    }
    Ok(Answer::null())
}

/// A user who is not there can be deleted too.
fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("userid").to_owned();
    call.state.access.remove_user(&name);
    Ok(Answer::null())
}

fn take(user: &mut User, args: &Args) {
    if args.get("enable").is_some() {
        user.enable = args.flag("enable");
    }
    if let Some(time) = args.number("expire") {
        user.expire = time;
    }
    for (key, field) in [
        ("firstname", &mut user.firstname),
        ("lastname", &mut user.lastname),
        ("email", &mut user.email),
        ("comment", &mut user.comment),
        ("keys", &mut user.keys),
    ] {
        if let Some(text) = args.get(key) {
            text.clone_into(field);
        }
    }
}

/// Returns what is said of a user everywhere. The address is told, even if there is none, where something is stored
/// behind it: PVE keeps users in lines of fields, and reads as many as there are.
fn row(user: &User) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("enable".to_owned(), u8::from(user.enable).into());
    row.insert("expire".to_owned(), user.expire.into());
    for (key, text) in [
        ("firstname", &user.firstname),
        ("lastname", &user.lastname),
        ("email", &user.email),
        ("comment", &user.comment),
        ("keys", &user.keys),
    ] {
        let is_behind = key == "email" && !(user.comment.is_empty() && user.keys.is_empty());
        if !text.is_empty() || is_behind {
            row.insert(key.to_owned(), text.as_str().into());
        }
    }
    row
}

fn groups_of<'a>(access: &'a Access, user: &str) -> Vec<&'a str> {
    let groups = access.groups.iter().filter(|(_, group)| group.members.contains(user));
    groups.map(|(name, _)| name.as_str()).collect()
}

fn check_groups(access: &Access, groups: &[String]) -> Result<(), Refusal> {
    match groups.iter().find(|group| !access.groups.contains_key(*group)) {
        Some(group) => Err(Refusal::failed(format!("no such group '{group}'"))),
        None => Ok(()),
    }
}

fn join(access: &mut Access, user: &str, groups: &[String]) {
    for group in groups {
        if let Some(group) = access.groups.get_mut(group) {
            group.members.insert(user.to_owned());
        }
    }
}

fn missing(name: &str) -> String {
    format!("no such user ('{name}')")
}
