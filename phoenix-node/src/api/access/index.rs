//! The indexes of the tree's top and of the calls about access.

use serde_json::{Value, json};

use crate::api::{
    Call,
    reply::{Answer, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /", Handler::Plain(top)),
    ("GET /access", Handler::Plain(access)),
    ("GET /access/openid", Handler::Plain(openid)),
    ("GET /access/ticket", Handler::Plain(nothing)),
];

fn top(_call: &mut Call<'_>) -> Reply {
    Ok(subdirs(&["version", "cluster", "nodes", "storage", "access", "pools"]).into())
}

fn access(_call: &mut Call<'_>) -> Reply {
    let names = ["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password"];
    Ok(subdirs(&names).into())
}

fn openid(_call: &mut Call<'_>) -> Reply {
    Ok(subdirs(&["login", "auth-url"]).into())
}

/// A form to log in with is all that there is here, and it has nothing to say.
fn nothing(_call: &mut Call<'_>) -> Reply {
    Ok(Answer::null())
}

fn subdirs(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "subdir": name })).collect()
}
