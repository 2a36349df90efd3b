//! Parameters as they come over the wire: in the query, as a form or as JSON.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use serde_json::Value;

/// Parameters in order.
pub(super) type Params = Vec<(String, String)>;

/// Why a body could not be read.
pub(super) enum Malformed {
    /// It is not JSON, or not an object: said in a line.
    Text(String),
    /// Values that cannot be parameters.
    Params(BTreeMap<String, String>),
}

/// Reads a query or a form.
pub(super) fn urlencoded(text: &[u8]) -> Params {
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => (decoded(&pair[..at]), decoded(&pair[at + 1..])),
            None => (decoded(pair), String::new()),
        })
        .collect()
}

/// Reads a JSON body: booleans become `1` and `0`, a list becomes a parameter that comes more than once, null is no
/// parameter.
pub(super) fn json(body: &[u8]) -> Result<Params, Malformed> {
    if body.is_empty() {
        return Ok(Params::new());
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| Malformed::Text(error.to_string()))?;
    let Value::Object(object) = value else {
        return Err(Malformed::Text("Not a HASH reference".to_owned()));
    };
    let mut params = Params::new();
    let mut errors = BTreeMap::new();
    for (key, value) in object {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => continue,
            single => vec![single],
        };
        for value in values {
            match plain(&value) {
                Some(text) => params.push((key.clone(), text)),
                None => {
                    errors.insert(key.clone(), "type check ('string') failed - got HASH".to_owned());
                }
            }
        }
    }
    if errors.is_empty() { Ok(params) } else { Err(Malformed::Params(errors)) }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn decoded(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_form_decodes_pluses_and_keeps_repeated_keys() {
        let read = urlencoded(b"delete=a&delete=b&description=x+y%2Bz&empty=&bare");
        assert_eq!(
            read,
            [
                pair("delete", "a"),
                pair("delete", "b"),
                pair("description", "x y+z"),
                pair("empty", ""),
                pair("bare", "")
            ]
        );
    }

    #[test]
    fn json_booleans_are_digits_and_null_is_no_parameter() {
        let read = json(
            br#"{"full": true, "onboot": false, "memory": 512, "hookscript": null, "delete": ["a", "b"]}"#,
        );
        let mut read = read.ok().expect("parameters");
        read.sort();
        let expected = [
            pair("delete", "a"),
            pair("delete", "b"),
            pair("full", "1"),
            pair("memory", "512"),
            pair("onboot", "0"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_json_object_is_no_value() {
        let Err(Malformed::Params(errors)) = json(br#"{"net0": {"name": "eth0"}}"#) else { panic!("taken") };
        assert_eq!(errors["net0"], "type check ('string') failed - got HASH");
    }
}
