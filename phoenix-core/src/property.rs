//! Property strings, PVE's `key=value,key=value` texts: parsed into a value whose equality ignores order and
//! spelling, and printed back with everything kept that was not understood.

use std::{collections::BTreeMap, fmt};

/// A parsed property string. Keys that nobody knows are kept as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyString {
    entries: BTreeMap<String, String>,
    first: Vec<String>,
}

impl PropertyString {
    /// Parses a text. A part without `=` is the value of `default_key`, as in `local:8,size=4G`. A key that is given
    /// twice keeps its last value.
    pub fn parse(text: &str, default_key: &str) -> Self {
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| match part.split_once('=') {
                Some((key, value)) => (key.trim().to_owned(), value.trim().to_owned()),
                None => (default_key.to_owned(), part.to_owned()),
            })
            .collect();
        Self { entries, first: Vec::new() }
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// Tells whether a boolean key is set: PVE takes `1`, `yes`, `true` and `on` inside a property string.
    pub fn is_set(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| {
            ["1", "yes", "true", "on"].iter().any(|word| word.eq_ignore_ascii_case(value))
        })
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.entries.insert(key.to_owned(), value.into());
    }

    /// Sets a key, or removes it if there is no value.
    pub fn put(&mut self, key: &str, value: Option<impl Into<String>>) {
        match value {
            Some(value) => self.set(key, value),
            None => {
                self.entries.remove(key);
            }
        }
    }

    /// Removes a key and returns its value.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key)
    }

    /// Names the keys that are printed first, in this order; the rest follows sorted, as PVE prints it.
    #[must_use]
    pub fn printed_first(mut self, keys: &[&str]) -> Self {
        self.first = keys.iter().map(|&key| key.to_owned()).collect();
        self
    }

    /// Goes through keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Tells whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first.iter().filter_map(|key| self.entries.get_key_value(key));
        let rest = self.entries.iter().filter(|(key, _)| !self.first.contains(key));
        for (index, (key, value)) in first.chain(rest).enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{key}={value}")?;
        }
        Ok(())
    }
}

/// Parses a size as PVE writes it (`8G`, `512M`, `1T`, `4096K`, bytes without unit) into bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        b'T' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| (number * (1u64 << shift) as f64) as u64)
}

/// Parses a text as a boolean the way PVE reads a top-level one.
pub fn parse_bool(text: &str) -> bool {
    text == "1"
}
