//! The calls on second factors. Nobody has one: they can be asked for, and not be set up.

use serde_json::{Value, json};

use crate::api::{
    Call,
    reply::{Refusal, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/tfa", Handler::Plain(list)),
    ("GET /access/tfa/{userid}", Handler::Plain(of_user)),
    ("GET /access/tfa/{userid}/{id}", Handler::Plain(entry)),
    ("DELETE /access/tfa/{userid}/{id}", Handler::Plain(entry)),
    ("GET /access/users/{userid}/tfa", Handler::Plain(kinds)),
    ("PUT /access/users/{userid}/unlock-tfa", Handler::Plain(unlock)),
];

fn list(_call: &mut Call<'_>) -> Reply {
    Ok(json!([]).into())
}

fn of_user(call: &mut Call<'_>) -> Reply {
    check(call)?;
    Ok(json!([]).into())
}

fn entry(call: &mut Call<'_>) -> Reply {
    check(call)?;
    Err(Refusal::Failed(404, format!("no such tfa entry '{}'", call.args.text("id"))))
}

fn kinds(call: &mut Call<'_>) -> Reply {
    check(call)?;
    let realm = crate::state::access::realm_of(call.args.text("userid"));
    let realm = call.state.access.realms.get(realm).and_then(|realm| realm.options.get("tfa"));
    let mut data = match call.args.flag("multiple") {
        true => json!({ "types": [] }),
        false => json!({}),
    };
    if let Some(kind) = realm.and_then(|tfa| crate::state::config::property(tfa, "type")) {
        data["realm"] = kind.into();
    }
    Ok(data.into())
}

/// Tells whether somebody was locked out: never.
fn unlock(call: &mut Call<'_>) -> Reply {
    check(call)?;
    Ok(Value::from(0).into())
}

fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let user = call.args.text("userid");
    match call.state.access.users.contains_key(user) {
        true => Ok(()),
        false => Err(Refusal::failed(format!("no such user ('{user}')"))),
    }
}
