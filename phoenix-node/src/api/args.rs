//! Parameters of a call, checked against what the call knows: every wrong one is reported, all at once.

use std::collections::BTreeMap;

use crate::{
    api::{
        formats,
        reply::Refusal,
        schema::{Kind, Spec},
    },
    state::config::split_index,
};

/// Checked parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(BTreeMap<String, Vec<String>>);

impl Args {
    /// Checks parameters against the given tables.
    pub(crate) fn check(params: &[(String, String)], tables: &[&[Spec]]) -> Result<Self, Refusal> {
        let mut errors = BTreeMap::new();
        let mut args: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in params {
            args.entry(key.clone()).or_default().push(value.clone());
        }
        for (key, values) in &args {
            match find(tables, key) {
                None => {
                    let text = "property is not defined in schema and the schema does not allow additional properties";
                    errors.insert(key.clone(), text.to_owned());
                }
                Some(kind) => {
                    let text = match (kind, &values[..]) {
                        (Kind::List, _) | (_, [_]) => {
                            values.iter().find_map(|value| complaint(kind, key, value))
                        }
                        (_, _) => Some(format!("type check ('{}') failed - got ARRAY", word(kind))),
                    };
                    if let Some(text) = text {
                        errors.insert(key.clone(), text);
                    }
                }
            }
        }
        for spec in tables.iter().flat_map(|table| table.iter()).filter(|spec| spec.required) {
            if !args.contains_key(spec.name) {
                errors.insert(spec.name.to_owned(), "property is missing and it is not optional".to_owned());
            }
        }
        if errors.is_empty() { Ok(Self(args)) } else { Err(Refusal::Params(errors)) }
    }

    /// Returns the last value of a parameter.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.last().map(String::as_str)
    }

    /// Returns a required parameter; empty if it was not declared required.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.trim_start_matches('+').parse().ok()
    }

    pub(crate) fn vmid(&self, key: &str) -> u32 {
        self.number(key).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
    }

    /// Returns the entries of a list: repeated, or separated by commas, semicolons or blanks.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        self.0
            .get(key)
            .into_iter()
            .flatten()
            .flat_map(|value| value.split([',', ';', ' ']))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Returns all parameters that a table knows, one text each.
    pub(crate) fn of(&self, table: &[Spec]) -> BTreeMap<String, String> {
        self.0
            .iter()
            .filter(|(key, _)| find(&[table], key).is_some())
            .filter_map(|(key, values)| Some((key.clone(), values.last()?.clone())))
            .collect()
    }
}

/// Returns the kind of a parameter, `net3` being found as `net[n]`.
pub(crate) fn find(tables: &[&[Spec]], key: &str) -> Option<Kind> {
    let (stem, index) = split_index(key);
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|spec| match spec.name.strip_suffix("[n]") {
            Some(name) => index.is_some() && name == stem,
            None => spec.name == key,
        })
        .map(|spec| spec.kind)
}

/// Returns PVE's word for the type of a parameter.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int(..) | Kind::Vmid => "integer",
        Kind::Number(_) => "number",
        Kind::Text
        | Kind::List
        | Kind::Enum(_)
        | Kind::Digest
        | Kind::Size
        | Kind::DnsName
        | Kind::Tags
        | Kind::ConfigId
        | Kind::NetLxc
        | Kind::NetVm
        | Kind::MountPoint => "string",
    }
}

/// Says what is wrong with a value, in PVE's words.
fn complaint(kind: Kind, key: &str, value: &str) -> Option<String> {
    match kind {
        Kind::Text | Kind::List => None,
        Kind::Bool => {
            (!matches!(value, "0" | "1")).then(|| format!("type check ('boolean') failed - got '{value}'"))
        }
        Kind::Int(min, max) => integer(value, min, max),
        Kind::Number(min) => match value.parse::<f64>() {
            Ok(number) if number >= min => None,
            Ok(_) => Some(format!("value must have a minimum value of {min}")),
            Err(_) => Some(format!("type check ('number') failed - got '{value}'")),
        },
        Kind::Vmid => integer(value, 0, i64::MAX).or_else(|| {
            let number = value.parse::<u32>().unwrap_or(0);
            (!(100..=999_999_999).contains(&number))
                .then(|| "invalid format - value does not look like a valid VM ID\n".to_owned())
        }),
        Kind::Enum(words) => (!words.contains(&value)).then(|| {
            format!("value '{value}' does not have a value in the enumeration '{}'", words.join(", "))
        }),
        Kind::Digest => (value.len() > 40).then(|| "value may only be 40 characters long".to_owned()),
        Kind::Size => {
            let plain = value.strip_prefix('+').unwrap_or(value);
            (crate::state::volume::parse_size(plain, 0).is_none()
                || !plain.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| "value does not match the regex pattern".to_owned())
        }
        Kind::DnsName => formats::dns_name(value),
        Kind::Tags => formats::tags(value),
        Kind::ConfigId => formats::config_id(value),
        Kind::NetLxc => formats::net_lxc(key, value),
        Kind::NetVm => formats::net_vm(key, value),
        Kind::MountPoint => formats::mount_point(key, value),
    }
}

fn integer(value: &str, min: i64, max: i64) -> Option<String> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("type check ('integer') failed - got '{value}'"));
    }
    let number: i64 = value.parse().unwrap_or(i64::MAX);
    if number < min {
        Some(format!("value must have a minimum value of {min}"))
    } else if number > max {
        Some(format!("value must have a maximum value of {max}"))
    } else {
        None
    }
}
