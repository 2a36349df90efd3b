//! The calls on API tokens.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        args::Args,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        access::{Token, User},
        secret,
    },
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/users/{userid}/token", Handler::Plain(list)),
    ("GET /access/users/{userid}/token/{tokenid}", Handler::Plain(read)),
    ("POST /access/users/{userid}/token/{tokenid}", Handler::Plain(create)),
    ("PUT /access/users/{userid}/token/{tokenid}", Handler::Plain(update)),
    ("DELETE /access/users/{userid}/token/{tokenid}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let user = user(call)?;
    Ok(user.tokens.iter().map(|(name, token)| row(name, token)).collect::<Value>().into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let (id, name) = (call.args.text("userid"), call.args.text("tokenid"));
    let token = user(call)?.tokens.get(name).ok_or_else(|| missing(id, name))?;
    Ok(Value::from(values(token)).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let name = args.text("tokenid");
    let user = user_mut(call, &args)?;
    if user.tokens.contains_key(name) {
        return Err(Refusal::param("tokenid", "Token already exists."));
    }
    let mut token = Token { secret: new_secret()?, is_separate: true, ..Token::default() };
    take(&mut token, &args);
    // What was given is told as it was given.
    let mut info = Map::from_iter([("privsep".to_owned(), Value::from("1"))]);
    for key in ["comment", "expire", "privsep"] {
        if let Some(text) = args.get(key) {
            info.insert(key.to_owned(), text.into());
        }
    }
    let full = format!("{}!{name}", args.text("userid"));
    let answer = json!({ "full-tokenid": full, "info": info, "value": token.secret });
    user.tokens.insert(name.to_owned(), token);
    Ok(answer.into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (id, name) = (args.text("userid"), args.text("tokenid"));
    let token = user_mut(call, &args)?.tokens.get_mut(name).ok_or_else(|| missing(id, name))?;
    for key in args.list("delete") {
        match key.as_str() {
            "comment" => token.comment = None,
            "expire" => token.expire = 0,
            "privsep" => token.is_separate = true,
            _ => return Err(Refusal::param("delete", format!("unknown option '{key}'"))),
        }
    }
    take(token, &args);
    let mut data = values(token);
    for key in ["expire", "privsep"] {
        if let Some(text) = args.get(key) {
            data.insert(key.to_owned(), text.into());
        }
    }
    if args.flag("regenerate") {
        token.secret = new_secret()?;
        data.insert("full-tokenid".to_owned(), format!("{id}!{name}").into());
        data.insert("value".to_owned(), token.secret.as_str().into());
    }
    Ok(Value::from(data).into())
}

fn delete(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let (id, name) = (args.text("userid"), args.text("tokenid"));
    if user_mut(call, &args)?.tokens.remove(name).is_none() {
        return Err(missing(id, name));
    }
    let full = format!("{id}!{name}");
    call.state.access.acl.retain_holders(|holder| holder != full);
    Ok(Answer::null())
}

/// Returns what a list says of a token.
pub(super) fn row(name: &str, token: &Token) -> Value {
    let mut row = values(token);
    row.insert("tokenid".to_owned(), name.into());
    row.into()
}

/// Returns what is said of a token.
pub(super) fn values(token: &Token) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("expire".to_owned(), token.expire.into());
    row.insert("privsep".to_owned(), u8::from(token.is_separate).into());
    if let Some(text) = &token.comment {
        row.insert("comment".to_owned(), text.as_str().into());
    }
    row
}

fn take(token: &mut Token, args: &Args) {
    if let Some(text) = args.get("comment") {
        token.comment = Some(text.to_owned()).filter(|text| !text.is_empty());
    }
    if let Some(time) = args.number("expire") {
        token.expire = time;
    }
    if args.get("privsep").is_some() {
        token.is_separate = args.flag("privsep");
    }
}

fn new_secret() -> Result<String, Refusal> {
    secret::uuid().map_err(|error| Refusal::failed(error.to_string()))
}

fn user<'a>(call: &'a Call<'_>) -> Result<&'a User, Refusal> {
    let id = call.args.text("userid");
    call.state.access.users.get(id).ok_or_else(|| Refusal::failed(format!("no such user ('{id}')")))
}

fn user_mut<'a>(call: &'a mut Call<'_>, args: &Args) -> Result<&'a mut User, Refusal> {
    let id = args.text("userid");
    call.state.access.users.get_mut(id).ok_or_else(|| Refusal::failed(format!("no such user ('{id}')")))
}

fn missing(user: &str, name: &str) -> Refusal {
    Refusal::failed(format!("no such token '{name}' for user '{user}'"))
}
