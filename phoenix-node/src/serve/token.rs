//! API tokens: how they are made, shown, changed and taken away.

use percent_encoding::percent_decode_str;
use phoenix_pve::transport::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    api::{
        self, Args,
        reply::{Refusal, Reply},
    },
    serve::{form::Params, keep},
};

/// A token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// What proves that one has it.
    pub(super) secret: String,
    /// Whether it has only the privileges that were given to itself: the default of PVE for those made by a call.
    pub(super) is_separate: bool,
    /// When it ends, in seconds since 1970; never if 0.
    pub(super) expire: u64,
    /// What it is for.
    pub(super) comment: Option<String>,
}

/// Answers a call below `/access/users/root@pam/token`; nothing if it is none that there is.
pub(super) fn call(
    tokens: &mut std::collections::BTreeMap<String, Token>,
    user: &str,
    method: Method,
    (path, name): (&[&str], Option<&str>),
    params: &Params,
) -> Option<Reply> {
    let user = percent_decode_str(user).decode_utf8_lossy().into_owned();
    let full = |name: &str| format!("{user}!{name}");
    let missing = |name: &str| Refusal::failed(format!("no such token '{name}' for user '{user}'"));
    let reply = match (method, name) {
        (Method::Get, None) => {
            let prefix = full("");
            let rows = tokens.iter().filter_map(|(id, token)| {
                let mut row = token.row();
                row.insert("tokenid".to_owned(), id.strip_prefix(&prefix)?.into());
                Some(Value::from(row))
            });
            Ok(Value::from(rows.collect::<Vec<_>>()).into())
        }
        (Method::Get, Some(name)) => {
            let token = tokens.get(&full(name)).ok_or_else(|| missing(name));
            token.map(|token| Value::from(token.row()).into())
        }
        (Method::Post, Some(name)) => {
            api::checked(method, path, params).and_then(|args| create(tokens, &full(name), &args))
        }
        (Method::Put, Some(name)) => match tokens.get_mut(&full(name)) {
            Some(token) => {
                api::checked(method, path, params).and_then(|args| change(token, &full(name), &args))
            }
            None => Err(missing(name)),
        },
        (Method::Delete, Some(name)) => match tokens.remove(&full(name)) {
            Some(_) => Ok(Value::Null.into()),
            None => Err(missing(name)),
        },
        (Method::Post | Method::Put | Method::Delete, None) => return None,
    };
    Some(reply)
}

fn create(tokens: &mut std::collections::BTreeMap<String, Token>, id: &str, args: &Args) -> Reply {
    if tokens.contains_key(id) {
        return Err(Refusal::param("tokenid", "Token already exists."));
    }
    let mut token = Token { secret: secret()?, is_separate: true, ..Token::default() };
    let mut info = Map::from_iter([("privsep".to_owned(), Value::from("1"))]);
    for key in ["comment", "expire", "privsep"] {
        if let Some(text) = args.get(key) {
            info.insert(key.to_owned(), text.into());
        }
    }
    token.take(args);
    let answer = json!({ "full-tokenid": id, "info": info, "value": token.secret });
    tokens.insert(id.to_owned(), token);
    Ok(answer.into())
}

fn change(token: &mut Token, id: &str, args: &Args) -> Reply {
    for key in args.list("delete") {
        match key.as_str() {
            "comment" => token.comment = None,
            _ => return Err(Refusal::param("delete", format!("unknown option '{key}'"))),
        }
    }
    token.take(args);
    let mut row = token.row();
    if let Some(text) = args.get("privsep") {
        row.insert("privsep".to_owned(), text.into());
    }
    if args.flag("regenerate") {
        token.secret = secret()?;
        row.insert("full-tokenid".to_owned(), id.into());
        row.insert("value".to_owned(), token.secret.as_str().into());
    }
    Ok(Value::from(row).into())
}

fn secret() -> Result<String, Refusal> {
    keep::uuid().map_err(|error| Refusal::failed(error.to_string()))
}

impl Token {
    fn take(&mut self, args: &Args) {
        if let Some(text) = args.get("comment") {
            self.comment = Some(text.to_owned());
        }
        if let Some(time) = args.number("expire") {
            self.expire = time;
        }
        if args.get("privsep").is_some() {
            self.is_separate = args.flag("privsep");
        }
    }

    fn row(&self) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("expire".to_owned(), self.expire.into());
        row.insert("privsep".to_owned(), u8::from(self.is_separate).into());
        if let Some(text) = &self.comment {
            row.insert("comment".to_owned(), text.as_str().into());
        }
        row
    }
}
