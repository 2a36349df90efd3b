//! The call that tells what somebody may, and what a ticket tells its holder of that.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::State,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("GET /access/permissions", Handler::Plain(read))];

fn read(call: &mut Call<'_>) -> Reply {
    let asking = call.caller.id();
    let who = call.args.get("userid").map_or_else(|| asking.clone(), str::to_owned);
    let is_own = who == asking || who.split_once('!').is_some_and(|(user, _)| user == asking);
    if !is_own {
        call.need("/access", &["Sys.Audit"])?;
    }
    let (user, token) = match who.split_once('!') {
        Some((user, token)) => (user, Some(token)),
        None => (who.as_str(), None),
    };
    if !call.state.access.users.contains_key(user) {
        return Err(Refusal::failed(format!("no such user ('{user}')")));
    }
    if let Some(token) = token.filter(|_| call.state.access.token(&who).is_none()) {
        return Err(Refusal::failed(format!("no such token '{token}' for user '{user}'")));
    }
    let row = |privileges: crate::state::rights::Privileges<'_>| {
        let privileges = privileges.into_iter();
        privileges.map(|(name, goes_on)| (name.to_owned(), u8::from(goes_on).into())).collect::<Map<_, _>>()
    };
    let data = match call.args.get("path").filter(|path| !path.is_empty()) {
        Some(path) => json!({ path: row(call.state.privileges(&who, path)) }),
        None => {
            let found = call.state.effective(&who).into_iter();
            found.map(|(path, privileges)| (path, Value::from(row(privileges)))).collect::<Map<_, _>>().into()
        }
    };
    Ok(data.into())
}

/// Returns what a ticket is told to be good for: what web clients show or hide.
pub(crate) fn capabilities(state: &State, user: &str) -> Value {
    const TOP: &[&str] = &["/", "/nodes", "/access/groups", "/vms", "/storage", "/sdn", "/mapping"];
    const AREAS: &[(&str, &[&str])] = &[
        ("access", &["User.", "Group.", "Permissions.Modify"]),
        ("dc", &["Sys.Audit", "Sys.Modify", "SDN."]),
        ("mapping", &["Mapping.", "Permissions.Modify"]),
        ("nodes", &["Sys.", "Permissions.Modify"]),
        ("sdn", &["SDN.", "Permissions.Modify"]),
        ("storage", &["Datastore.", "Permissions.Modify"]),
        ("vms", &["VM.", "Permissions.Modify"]),
    ];
    let mut areas: Map<String, Value> =
        AREAS.iter().map(|(area, _)| ((*area).to_owned(), Value::Object(Map::new()))).collect();
    for path in TOP.iter().copied().chain(state.access.acl.paths()) {
        let top = path.split('/').nth(1).filter(|top| !top.is_empty()).unwrap_or("dc");
        // What one may on a pool, one may on the guests and storages in it.
        let meant: &[&str] = if top == "pool" { &["vms", "storage"] } else { &[top] };
        for (area, prefixes) in AREAS.iter().filter(|(area, _)| meant.contains(area)) {
            for name in state.privileges(user, path).into_keys() {
                if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                    areas[*area][name] = 1.into();
                }
            }
        }
    }
    areas.into()
}
