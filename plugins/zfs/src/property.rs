//! Properties of pools and datasets: which can be set, and how their values are written where they are told exactly.

use phoenix_core::property::parse_size;

/// What a property belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pool,
    Dataset,
}

/// How a property's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// A number of bytes; `none` is 0.
    Size,
    /// `on` or `off`.
    Flag,
    /// A word.
    Word,
}

/// Every property that can be set. Those that a dataset has from its birth on, or that reach out of the host, are not here.
const PROPERTIES: [(&str, Kind, Value); 24] = [
    ("autoexpand", Kind::Pool, Value::Flag),
    ("autoreplace", Kind::Pool, Value::Flag),
    ("autotrim", Kind::Pool, Value::Flag),
    ("failmode", Kind::Pool, Value::Word),
    ("acltype", Kind::Dataset, Value::Word),
    ("atime", Kind::Dataset, Value::Flag),
    ("checksum", Kind::Dataset, Value::Word),
    ("compression", Kind::Dataset, Value::Word),
    ("copies", Kind::Dataset, Value::Word),
    ("devices", Kind::Dataset, Value::Flag),
    ("dnodesize", Kind::Dataset, Value::Word),
    ("exec", Kind::Dataset, Value::Flag),
    ("logbias", Kind::Dataset, Value::Word),
    ("primarycache", Kind::Dataset, Value::Word),
    ("quota", Kind::Dataset, Value::Size),
    ("recordsize", Kind::Dataset, Value::Size),
    ("refquota", Kind::Dataset, Value::Size),
    ("refreservation", Kind::Dataset, Value::Size),
    ("relatime", Kind::Dataset, Value::Flag),
    ("reservation", Kind::Dataset, Value::Size),
    ("secondarycache", Kind::Dataset, Value::Word),
    ("snapdir", Kind::Dataset, Value::Word),
    ("sync", Kind::Dataset, Value::Word),
    ("xattr", Kind::Dataset, Value::Word),
];

/// Returns what a property belongs to, if it can be set.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    find(name).map(|(_, kind, _)| *kind)
}

/// Returns the names of all that can be set, in a row.
pub(crate) fn names(kinds: &[Kind]) -> String {
    let names = PROPERTIES.iter().filter(|(_, kind, _)| kinds.contains(kind));
    names.map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns a value as ZFS tells it exactly (`-p`); none if it is none.
pub(crate) fn canonical(name: &str, value: &str) -> Option<String> {
    let value = value.trim();
    match find(name)?.2 {
        Value::Size if value == "none" => Some("0".to_owned()),
        Value::Size => parse_size(&value.to_uppercase()).map(|bytes| bytes.to_string()),
        Value::Flag => matches!(value, "on" | "off").then(|| value.to_owned()),
        Value::Word => {
            let is_word = !value.is_empty()
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-".contains(&byte));
            is_word.then(|| value.to_owned())
        }
    }
}

/// Returns a value for a reader: a size in the largest unit that has no fraction.
pub(crate) fn shown(name: &str, value: &str) -> String {
    let is_size = find(name).is_some_and(|(.., value)| *value == Value::Size);
    match value.parse::<u64>() {
        Ok(0) if is_size => "none".to_owned(),
        Ok(bytes) if is_size => size(bytes),
        Ok(_) | Err(_) => value.to_owned(),
    }
}

/// Returns a number of bytes for a reader, in the largest unit that has no fraction if it is a round one.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let whole = units.iter().find(|(shift, _)| bytes >= 1 << shift && bytes.is_multiple_of(1 << shift));
    let exact = whole.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift));
    // What is no round number is told to a tenth.
    match bytes >= 10 << 30 && exact.len() > 6 {
        true => format!("{}.{}G", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30),
        false => exact,
    }
}

fn find(name: &str) -> Option<&'static (&'static str, Kind, Value)> {
    PROPERTIES.iter().find(|(known, ..)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_exactly() {
        assert_eq!(canonical("recordsize", "128k").as_deref(), Some("131072"));
        assert_eq!(canonical("quota", "none").as_deref(), Some("0"));
        assert_eq!(canonical("atime", "yes"), None);
        assert_eq!(canonical("compression", "zstd-3").as_deref(), Some("zstd-3"));
        assert_eq!((shown("quota", "644245094400"), shown("quota", "0")), ("600G".into(), "none".into()));
    }
}
