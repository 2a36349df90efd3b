//! The call that changes a password.

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::access::{Access, ROOT, realm_of},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("PUT /access/password", Handler::Plain(change))];

fn change(call: &mut Call<'_>) -> Reply {
    if call.caller.token.is_some() {
        return Err(Refusal::forbidden("tokens are not allowed to change passwords"));
    }
    let (user, text) = (call.args.text("userid").to_owned(), call.args.text("password").to_owned());
    if !call.state.access.users.contains_key(&user) {
        return Err(Refusal::failed(format!("no such user ('{user}')")));
    }
    let caller = call.caller.user.as_str();
    if caller != ROOT {
        if user == ROOT {
            return Err(Refusal::forbidden(""));
        }
        let Some(confirmed) = call.args.get("confirmation-password") else {
            return Err(Refusal::param("confirmation-password", "password is required to modify user"));
        };
        if !call.state.access.is_password(caller, confirmed) {
            return Err(Refusal::failed("invalid credentials"));
        }
        if caller != user && realm_of(&user) == "pam" {
            return Err(Refusal::forbidden(""));
        }
    }
    set(&mut call.state.access, &user, &text)?;
    Ok(Answer::null())
}

/// Sets a password, if the user's realm keeps passwords here.
pub(super) fn set(access: &mut Access, user: &str, text: &str) -> Result<(), Refusal> {
    check(access, user)?;
    access.set_password(user, text).map_err(|error| Refusal::failed(error.to_string()))
}

/// Refuses a user whose password is not kept here.
pub(super) fn check(access: &Access, user: &str) -> Result<(), Refusal> {
    let realm = realm_of(user);
    let Some(found) = access.realms.get(realm) else {
        return Err(Refusal::failed(format!("auth domain '{realm}' does not exist")));
    };
    match found.kind.as_str() {
        "pve" => Ok(()),
        // The node is its own system, and root the only account that somebody could log in with.
        "pam" if user == ROOT => Ok(()),
        "pam" => {
            let name = user.rsplit_once('@').map_or(user, |(name, _)| name);
            Err(Refusal::failed(format!("change password failed: user '{name}' does not exist")))
        }
        kind => Err(Refusal::failed(format!("can't set password on auth type '{kind}'"))),
    }
}
