//! The typed parameters of the crate `proxmox-api`, sent over our client. They are used for writes whose parameters
//! are few and fixed. Creates and config writes carry maps of PVE's words (`net0`, `mp3`, `features`, …) that the
//! crate's types cannot hold without loss: patterns that never compile, closed enums, property strings without
//! their parts; those are sent as they are.

use proxmox_api::client::{Client as TypedClient, Method as TypedMethod};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    client::{Client, Params},
    error::PveError,
    transport::Method,
};

impl TypedClient for Client {
    type Error = PveError;

    fn request_with_body_and_query<B, Q, R>(
        &self,
        method: TypedMethod,
        path: &str,
        body: Option<&B>,
        query: Option<&Q>,
    ) -> impl Future<Output = Result<R, PveError>>
    where
        B: Serialize,
        Q: Serialize,
        R: DeserializeOwned,
    {
        // Everything borrowed is written down before the first await, so that the future is `Send` for every B and Q.
        let client = self.clone();
        let method = match method {
            TypedMethod::Get => Method::Get,
            TypedMethod::Post => Method::Post,
            TypedMethod::Put => Method::Put,
            TypedMethod::Delete => Method::Delete,
        };
        let path = path.to_owned();
        let params = encode(body).and_then(|mut params| {
            params.extend(encode(query)?);
            Ok(params)
        });
        async move {
            let params = match params {
                Ok(params) => params,
                Err(source) => return Err(PveError::Unencodable { path, source }),
            };
            let data = client.call(method, &path, params).await?;
            serde_json::from_value(data).map_err(|source| PveError::Undecodable {
                method: method.as_str(),
                path,
                source,
            })
        }
    }
}

/// Makes a bounded text of the crate, or says what is wrong with it.
pub(crate) fn text<T: TryFrom<String>>(value: &str, wanted: &'static str) -> Result<T, PveError> {
    T::try_from(value.to_owned()).map_err(|_| PveError::BadName { text: value.to_owned(), wanted })
}

/// Returns a value's fields as parameters: a boolean as 0 or 1, a list as its key several times, a null left out
/// (PVE writes blanks for nulls).
fn encode<T: Serialize>(value: Option<&T>) -> Result<Params, serde_json::Error> {
    let Some(Value::Object(fields)) = value.map(serde_json::to_value).transpose()? else {
        return Ok(Vec::new());
    };
    let mut params = Vec::new();
    for (key, value) in fields {
        match value {
            Value::Array(items) => {
                params.extend(items.iter().filter_map(scalar).map(|text| (key.clone(), text)));
            }
            value => params.extend(scalar(&value).map(|text| (key, text))),
        }
    }
    Ok(params)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}
