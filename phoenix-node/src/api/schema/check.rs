//! Checks what a caller gave against what a call takes: every wrong parameter is reported, all at once, in the words
//! that PVE's clients know.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Entry, Kind, Param, Schema, dict, formats};
use crate::api::{args::Args, reply::Refusal};

/// What was given for a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// A text; numbers and truth values of JSON too.
    Text(String),
    /// A list: a JSON array, or a form's key that comes more than once.
    List(Vec<String>),
    /// JSON's null: it is there, and no check looks at it.
    Null,
    /// A JSON object.
    Table,
}

impl Given {
    /// Returns what a value of JSON is as a parameter: truth values are digits.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Object(_) => Self::Table,
            Value::Array(values) => Self::List(values.iter().map(plain).collect()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Text(plain(value)),
        }
    }

    /// Returns how many bytes it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(value) => value.len(),
            Self::List(values) => values.iter().map(String::len).sum(),
            Self::Null | Self::Table => 4,
        }
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

/// Puts the values of each key together.
pub(crate) fn gather(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Given> {
    let mut params = BTreeMap::new();
    for (key, value) in pairs {
        let given = match params.remove(&key) {
            Some(Given::Text(first)) => Given::List(vec![first, value]),
            Some(Given::List(mut values)) => {
                values.push(value);
                Given::List(values)
            }
            Some(Given::Null | Given::Table) | None => Given::Text(value),
        };
        params.insert(key, given);
    }
    params
}

pub(super) const NOT_DEFINED: &str =
    "property is not defined in schema and the schema does not allow additional properties";
pub(super) const MISSING: &str = "property is missing and it is not optional";

pub(super) fn call(schema: &Schema, entry: &Entry, given: &BTreeMap<String, Given>) -> Result<Args, Refusal> {
    let mut errors = BTreeMap::new();
    for (key, value) in given {
        let Some(param) = entry.params.iter().find(|param| param.is_named(key)) else {
            errors.insert(key.clone(), NOT_DEFINED.to_owned());
            continue;
        };
        if let Some(text) = complaint(schema, param, key, value) {
            errors.insert(key.clone(), text);
        }
    }
    for param in entry.params.iter().filter(|param| param.required && param.index.is_none()) {
        if matches!(given.get(&param.name), None | Some(Given::Null)) {
            errors.insert(param.name.clone(), MISSING.to_owned());
        }
    }
    for (key, param) in
        entry.params.iter().filter_map(|param| Some((given.get_key_value(&param.name)?.0, param)))
    {
        if let Some(other) = param.requires.as_ref().filter(|other| !given.contains_key(*other)) {
            errors.insert(other.clone(), format!("missing property required by '{key}'"));
        }
    }
    if !errors.is_empty() {
        return Err(Refusal::Params(errors));
    }
    Ok(Args::new(given.clone()))
}

fn complaint(schema: &Schema, param: &Param, key: &str, given: &Given) -> Option<String> {
    match given {
        Given::Null => None,
        Given::Table => Some(format!("type check ('{}') failed - got HASH", param.word())),
        Given::List(values) if param.is_array || param.is_list() => {
            values.iter().find_map(|value| text(schema, param, key, value))
        }
        Given::List(_) => Some(format!("type check ('{}') failed - got ARRAY", param.word())),
        Given::Text(value) => text(schema, param, key, value),
    }
}

/// Says what is wrong with a value.
pub(super) fn text(schema: &Schema, param: &Param, key: &str, value: &str) -> Option<String> {
    match param.kind {
        Kind::Bool if !matches!(value, "0" | "1") => {
            return Some(format!("type check ('boolean') failed - got '{value}'"));
        }
        Kind::Int if !is_integer(value) => {
            return Some(format!("type check ('integer') failed - got '{value}'"));
        }
        Kind::Num if !is_number(value) => {
            return Some(format!("type check ('number') failed - got '{value}'"));
        }
        Kind::Bool | Kind::Int | Kind::Num | Kind::Text => {}
    }
    if let Some(name) = &param.dict {
        let wrong = dict::complaint(schema, name, key, value);
        if wrong.is_some() {
            return wrong;
        }
    }
    if let Some(format) = param.format.as_deref() {
        // Some property strings are known by the name of a format.
        if schema.dicts.contains_key(format) {
            let wrong = dict::complaint(schema, format, key, value);
            if wrong.is_some() {
                return wrong;
            }
        } else if let Some(text) = formats::complaint(format, value) {
            return Some(format!("invalid format - {text}\n"));
        }
    }
    if !param.words.is_empty() && !param.words.iter().any(|word| word == value) {
        let words = param.words.join(", ");
        return Some(format!("value '{value}' does not have a value in the enumeration '{words}'"));
    }
    bounds(param, value)
}

fn bounds(param: &Param, value: &str) -> Option<String> {
    match param.kind {
        Kind::Int | Kind::Num => {
            let number: f64 = value.parse().unwrap_or(f64::NAN);
            if let Some(min) = param.min.filter(|min| number < *min) {
                return Some(format!("value must have a minimum value of {min}"));
            }
            let max = param.max.filter(|max| number > *max)?;
            Some(format!("value must have a maximum value of {max}"))
        }
        Kind::Text => {
            let length = value.chars().count() as f64;
            if let Some(max) = param.max.filter(|max| length > *max) {
                return Some(format!("value may only be {max} characters long"));
            }
            if let Some(min) = param.min.filter(|min| length < *min) {
                return Some(format!("value must be at least {min} characters long"));
            }
            let wrong = param.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(value));
            wrong.then(|| "value does not match the regex pattern".to_owned())
        }
        Kind::Bool => None,
    }
}

fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok_and(f64::is_finite)
}

impl Param {
    /// Returns PVE's word for its type.
    fn word(&self) -> &'static str {
        if self.is_array {
            return "array";
        }
        match self.kind {
            Kind::Bool => "boolean",
            Kind::Int => "integer",
            Kind::Num => "number",
            Kind::Text => "string",
        }
    }

    fn is_list(&self) -> bool {
        self.format.as_deref().is_some_and(|format| format.ends_with("-list"))
    }
}
