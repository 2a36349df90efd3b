//! The calls about access, and the indexes of the tree's top: what there is only because the node is served.

use std::{sync::PoisonError, time::Duration};

use phoenix_pve::transport::Method;
use serde_json::{Value, json};

use crate::{
    api::{
        self,
        reply::{Answer, Refusal, Reply},
    },
    serve::{exchange::Service, form::Params, keep, privileges, session, token},
};

/// The only user.
const ROOT: &str = "root@pam";

/// Answers a call; nothing if it is not about access.
pub(super) fn call(service: &Service, method: Method, path: &[&str], params: &Params) -> Option<Reply> {
    let bare = |data: Value| Some(api::checked(method, path, params).map(|_| data.into()));
    match (method, path) {
        (Method::Get, []) => bare(subdirs(&["version", "cluster", "nodes", "storage", "access", "pools"])),
        (Method::Get, ["access"]) => bare(subdirs(&[
            "users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password",
        ])),
        (Method::Get, ["access", "ticket"]) => bare(Value::Null),
        (Method::Post, ["access", "ticket"]) => Some(log_in(service, params)),
        (Method::Get, ["access", "domains"]) => bare(json!([
            { "realm": "pve", "type": "pve", "comment": "Proxmox VE authentication server" },
            { "realm": "pam", "type": "pam", "comment": "Linux PAM standard authentication" },
        ])),
        (Method::Get, ["access", "permissions"]) => bare(privileges::permissions()),
        (_, ["access", "users", user, "token", rest @ ..]) if user.replace("%40", "@") == ROOT => {
            let name = match rest {
                [] => None,
                [name] => Some(*name),
                [_, _, ..] => return None,
            };
            let mut keys = service.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = token::call(&mut keys.tokens, ROOT, method, (path, name), params)?;
            let writes = method != Method::Get && reply.is_ok();
            match writes.then(|| keep::save(service.folder.as_deref(), &keys)) {
                Some(Err(error)) => Some(Err(Refusal::failed(crate::node::describe(&error)))),
                Some(Ok(())) | None => Some(reply),
            }
        }
        _ => None,
    }
}

fn log_in(service: &Service, params: &Params) -> Reply {
    let args = api::checked(Method::Post, &["access", "ticket"], params)?;
    let user = match args.get("realm") {
        Some(realm) => format!("{}@{realm}", args.text("username")),
        None => args.text("username").to_owned(),
    };
    let shown = args.text("password");
    let keys = service.keys.lock().unwrap_or_else(PoisonError::into_inner);
    let is_password = service.password.as_deref().is_some_and(|password| password == shown);
    // A ticket that is still good can be shown for a new one.
    let is_ticket = session::holder(&keys, service.ticket_life, shown).is_some_and(|holder| holder == user);
    if user != ROOT || !(is_password || is_ticket) {
        return Err(Refusal::Failed(401, "authentication failure".to_owned()));
    }
    let (ticket, csrf) = session::issue(&keys, &user);
    Ok(Answer::from(json!({
        "username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": privileges::capabilities(),
    })))
}

fn subdirs(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "subdir": name })).collect()
}

/// How long PVE lets somebody wait who is not let in.
pub(super) const PENALTY: Duration = Duration::from_secs(3);
