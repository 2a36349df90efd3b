//! The calls on the list of permissions.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{acl, roles},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes =
    &[("GET /access/acl", Handler::Plain(list)), ("PUT /access/acl", Handler::Plain(update))];

fn list(call: &mut Call<'_>) -> Reply {
    let entries = call.state.access.acl.entries();
    let rows = entries.filter(|(path, ..)| call.need_modify(path).is_ok()).map(|(path, holder, role, propagate)| {
        let (kind, name) = match (holder.strip_prefix('@'), holder.contains('!')) {
            (Some(group), _) => ("group", group),
            (None, true) => ("token", holder),
            (None, false) => ("user", holder),
        };
        json!({ "path": path, "type": kind, "ugid": name, "roleid": role, "propagate": u8::from(propagate) })
    });
    Ok(rows.collect::<Value>().into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let holders = ["users", "groups", "tokens"];
    if holders.iter().all(|key| call.args.get(key).is_none_or(str::is_empty)) {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        return Err(Refusal::Params(
            holders.iter().map(|key| ((*key).to_owned(), text.to_owned())).collect(),
        ));
    }
    let given = call.args.text("path");
    let removes = call.args.flag("delete");
    let path = acl::normal(given).filter(|path| removes || acl::is_sensible(path));
    let path = path.ok_or_else(|| Refusal::param("path", format!("invalid ACL path '{given}'")))?;
    change(call, &path, removes).map_err(|refusal| refusal.within("ACL update failed"))?;
    Ok(Answer::null())
}

/// Checks everything before anything is changed.
fn change(call: &mut Call<'_>, path: &str, removes: bool) -> Result<(), Refusal> {
    let propagate = call.args.get("propagate").is_none_or(|text| text == "1");
    let roles = call.args.list("roles");
    for role in &roles {
        check_role(call, path, role, propagate, removes)?;
    }
    let holders = holders(call)?;
    for (role, holder) in roles.iter().flat_map(|role| holders.iter().map(move |holder| (role, holder))) {
        match removes {
            true => call.state.access.acl.revoke(path, holder, role),
            false => call.state.access.acl.grant(path, holder, role, propagate),
        }
    }
    Ok(())
}

/// Who may change what stands at a path, but not permissions in general, can only hand on what they have themselves.
fn check_role(
    call: &Call<'_>,
    path: &str,
    role: &str,
    propagate: bool,
    removes: bool,
) -> Result<(), Refusal> {
    let access = &call.state.access;
    let privileges =
        access.role(role).ok_or_else(|| Refusal::failed(format!("role '{role}' does not exist")))?;
    let own = call.state.privileges(&call.caller.id(), path);
    if own.contains_key("Permissions.Modify") {
        return Ok(());
    }
    let verb = if removes { "remove" } else { "add" };
    let refused = |text: String| Err(Refusal::param("role", format!("Cannot {verb} role '{role}' {text}")));
    for name in privileges {
        match own.get(name) {
            None => return refused("- requires 'Permissions.Modify' or superset of privileges.".to_owned()),
            Some(goes_on) if propagate && !goes_on && !removes => {
                return refused(
                    "with propagation - requires 'Permissions.Modify' or propagated superset of privileges."
                        .to_owned(),
                );
            }
            Some(_) => {}
        }
    }
    // It has no privileges, so that everybody would have all of them.
    if role == roles::NO_ACCESS {
        return refused("- requires 'Permissions.Modify'".to_owned());
    }
    Ok(())
}

fn holders(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let access = &call.state.access;
    let mut holders = Vec::new();
    for group in call.args.list("groups") {
        if !access.groups.contains_key(&group) {
            return Err(Refusal::failed(format!("group '{group}' does not exist")));
        }
        holders.push(format!("@{group}"));
    }
    for user in call.args.list("users") {
        if !access.users.contains_key(&user) {
            return Err(Refusal::failed(format!("user '{user}' does not exist")));
        }
        holders.push(user);
    }
    for id in call.args.list("tokens") {
        let (user, token) = id.split_once('!').unwrap_or((&id, ""));
        if !access.users.contains_key(user) {
            return Err(Refusal::failed(format!("no such user ('{user}')")));
        }
        if access.token(&id).is_none() {
            return Err(Refusal::failed(format!("no such token '{token}' for user '{user}'")));
        }
        holders.push(id);
    }
    Ok(holders)
}
