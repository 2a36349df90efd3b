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
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("{}{SOURCE} line 934.", wrong(body, &error)))?;
    let Value::Object(object) = value else {
        return Err(format!("Not a HASH reference{SOURCE} line 978."));
    };
    Ok(object.into_iter().map(|(key, value)| (key, Given::of(&value))).collect())
}

/// What PVE's clients see behind a message that nobody meant for them.
const SOURCE: &str = " at /usr/share/perl5/PVE/APIServer/AnyEvent.pm";

/// Says what is wrong with a text that is no JSON, in the words of the reader that PVE uses.
fn wrong(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(|line| line.chars().count())
        .sum();
    let message = error.to_string();
    let (what, is_behind) = match message.split(" at line ").next().unwrap_or_default() {
        "key must be a string" | "EOF while parsing an object" if !text.trim_end().ends_with('"') => {
            ("'\"' expected", false)
        }
        "expected `:`" => ("':' expected", false),
        "expected `,` or `}`" | "EOF while parsing an object" => {
            (", or } expected while parsing object/hash", false)
        }
        "expected `,` or `]`" | "EOF while parsing a list" => (", or ] expected while parsing array", false),
        "trailing characters" => ("garbage after JSON object", false),
        "EOF while parsing a string" => ("unexpected end of string while parsing JSON string", true),
        _ => ("malformed JSON string, neither tag, array, object, number, string or atom", false),
    };
    let end = text.chars().count();
    let at = if is_behind { end } else { (before + error.column().saturating_sub(1)).min(end) };
    let rest: String = text.chars().skip(at).take(20).collect();
    let rest = if rest.is_empty() { "(end of string)".to_owned() } else { format!("\"{rest}\"") };
    let rest =
        if rest.starts_with('"') { format!("(before {rest})") } else { format!("(before \"{rest}\")") };
    format!("{what}, at character offset {at} {rest}")
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

    #[test]
    fn what_is_no_json_is_refused_where_it_goes_wrong() {
        let wrong = json(b"{bad").unwrap_err();
        assert!(wrong.starts_with("'\"' expected, at character offset 1 (before \"bad\")"), "{wrong}");
        assert!(json(b"[1]").unwrap_err().starts_with("Not a HASH reference"));
    }
}
