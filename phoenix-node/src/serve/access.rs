//! Logging in: passwords and old tickets become tickets.

use std::time::Duration;

use phoenix_pve::transport::Method;
use serde_json::json;

use crate::{
    api::{
        self, Args, access,
        reply::{Answer, Refusal, Reply},
    },
    serve::{exchange::Service, form::Params, session},
    state::State,
};

/// How long PVE lets somebody wait who is not let in.
pub(super) const PENALTY: Duration = Duration::from_secs(3);

/// Answers a call; nothing if it is not one that is answered here.
pub(super) fn call(service: &Service, method: Method, path: &[&str], params: &Params) -> Option<Reply> {
    let answer = match (method, path) {
        (Method::Post, ["access", "ticket"]) => log_in,
        (Method::Post, ["access", "vncticket"]) => refuse,
        _ => return None,
    };
    Some(api::checked(method, path, params).and_then(|args| answer(service, &args)))
}

fn log_in(service: &Service, args: &Args) -> Reply {
    let state = service.node.state();
    let user = match args.get("realm") {
        Some(realm) => format!("{}@{realm}", args.text("username")),
        None => args.text("username").to_owned(),
    };
    let user = as_known(&state, user);
    let shown = args.text("password");
    // A ticket that is still good can be shown for a new one.
    let is_ticket = || {
        let holder = session::holder(&service.keys, service.ticket_life, shown);
        holder.is_some_and(|holder| holder == user)
    };
    if !state.access.is_let_in(&user) || !(is_ticket() || state.access.is_password(&user, shown)) {
        return Err(stranger());
    }
    if let Some(path) = args.get("path") {
        let found = state.privileges(&user, path);
        return match args.list("privs").iter().all(|name| found.contains_key(name.as_str())) {
            true => Ok(json!({ "username": user }).into()),
            false => Err(stranger()),
        };
    }
    let (ticket, csrf) = session::issue(&service.keys, &user);
    let cap = access::capabilities(&state, &user);
    Ok(Answer::from(json!({ "username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": cap })))
}

/// Nobody was given a ticket for a screen.
fn refuse(_service: &Service, _args: &Args) -> Reply {
    Err(stranger())
}

/// Returns the name under which a user is known: in some realms case does not matter.
fn as_known(state: &State, user: String) -> String {
    let access = &state.access;
    let realm = access.realms.get(crate::state::access::realm_of(&user));
    let ignores = realm.and_then(|realm| realm.options.get("case-sensitive")).is_some_and(|text| text == "0");
    let known = access.users.keys().find(|known| ignores && known.eq_ignore_ascii_case(&user)).cloned();
    known.unwrap_or(user)
}

/// Whatever was wrong, nobody is told what.
fn stranger() -> Refusal {
    Refusal::Failed(401, "authentication failure".to_owned())
}
