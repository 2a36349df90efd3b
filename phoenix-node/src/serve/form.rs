//! Parameters as they come over the wire: in the query, as a form or as JSON.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use serde_json::Value;

use crate::api::{Given, gather};

/// Parameters by their names.
pub(super) type Params = BTreeMap<String, Given>;

/// Reads a query or a form. A key that comes more than once is a list.
pub(super) fn urlencoded(text: &[u8]) -> Params {
    let pairs = text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    gather(pairs.map(|pair| match pair.iter().position(|&byte| byte == b'=') {
        Some(at) => (decoded(&pair[..at]), decoded(&pair[at + 1..])),
        None => (decoded(pair), String::new()),
    }))
}

/// Reads a JSON body; fails with a line if it is not JSON or not an object. Booleans become `1` and `0`.
pub(super) fn json(body: &[u8]) -> Result<Params, String> {
    if body.is_empty() {
        return Ok(Params::new());
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Value::Object(object) = value else {
        return Err("Not a HASH reference".to_owned());
    };
    Ok(object.into_iter().map(|(key, value)| (key, given(&value))).collect())
}

fn given(value: &Value) -> Given {
    match value {
        Value::Null => Given::Null,
        Value::Object(_) => Given::Table,
        Value::Array(values) => Given::List(values.iter().map(plain).collect()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Given::Text(plain(value)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn decoded(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Given {
        Given::Text(value.to_owned())
    }

    fn list(values: &[&str]) -> Given {
        Given::List(values.iter().map(|&value| value.to_owned()).collect())
    }

    #[test]
    fn a_form_decodes_pluses_and_gathers_repeated_keys() {
        let read = urlencoded(b"delete=a&delete=b&description=x+y%2Bz&empty=&bare");
        assert_eq!(read["delete"], list(&["a", "b"]));
        assert_eq!(read["description"], text("x y+z"));
        assert_eq!((&read["empty"], &read["bare"]), (&text(""), &text("")));
    }

    #[test]
    fn json_booleans_are_digits_and_null_and_objects_stay_what_they_are() {
        let read = json(
            br#"{"full": true, "onboot": false, "memory": 512, "hookscript": null, "delete": ["a"], "net0": {"a": 1}}"#,
        )
        .expect("parameters");
        assert_eq!((&read["full"], &read["onboot"], &read["memory"]), (&text("1"), &text("0"), &text("512")));
        assert_eq!((&read["hookscript"], &read["net0"]), (&Given::Null, &Given::Table));
        assert_eq!(read["delete"], list(&["a"]));
    }
}
