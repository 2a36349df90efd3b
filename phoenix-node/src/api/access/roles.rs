//! The calls on roles.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::roles,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/roles", Handler::Plain(list)),
    ("POST /access/roles", Handler::Plain(create)),
    ("GET /access/roles/{roleid}", Handler::Plain(read)),
    ("PUT /access/roles/{roleid}", Handler::Plain(update)),
    ("DELETE /access/roles/{roleid}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let access = &call.state.access;
    let row = |name: &str, special: u8| {
        let privs: Vec<&str> = access.role(name).unwrap_or_default().into_iter().collect();
        json!({ "roleid": name, "privs": privs.join(","), "special": special })
    };
    let own = access.roles.keys().map(|name| row(name, 0));
    Ok(roles::built_in().map(|name| row(name, 1)).chain(own).collect::<Value>().into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("roleid").to_owned();
    if name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("PVE")) {
        let text = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(Refusal::param("roleid", text));
    }
    if call.state.access.role(&name).is_some() {
        return Err(Refusal::failed(format!("create role failed: role '{name}' already exists")));
    }
    let privileges: BTreeSet<String> = call.args.list("privs").into_iter().collect();
    call.state.access.roles.insert(name, privileges);
    Ok(Answer::null())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("roleid");
    let privileges = call.state.access.role(name).ok_or_else(|| Refusal::failed(missing(name)))?;
    let data: Map<String, Value> = privileges.into_iter().map(|name| (name.to_owned(), 1.into())).collect();
    Ok(Value::from(data).into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("roleid").to_owned();
    let (append, new) = (call.args.flag("append"), call.args.list("privs"));
    if roles::privileges(&name).is_some() {
        return Err(Refusal::failed(format!("auto-generated role '{name}' cannot be modified")));
    }
    let Some(privileges) = call.state.access.roles.get_mut(&name) else {
        return Err(Refusal::failed(format!("update role failed: {}", missing(&name))));
    };
    if !append {
        privileges.clear();
    }
    privileges.extend(new);
    Ok(Answer::null())
}

fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("roleid").to_owned();
    if roles::privileges(&name).is_some() {
        return Err(Refusal::failed(format!("auto-generated role '{name}' cannot be deleted")));
    }
    if !call.state.access.roles.contains_key(&name) {
        return Err(Refusal::failed(format!("delete role failed: {}", missing(&name))));
    }
    call.state.access.remove_role(&name);
    Ok(Answer::null())
}

fn missing(name: &str) -> String {
    format!("role '{name}' does not exist")
}
