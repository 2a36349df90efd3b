//! The checked parameters of a call.

use std::collections::BTreeMap;

use crate::api::schema::{self, Given};

/// Checked parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(BTreeMap<String, Given>);

impl Args {
    /// Returns parameters that were checked.
    pub(crate) fn new(given: BTreeMap<String, Given>) -> Self {
        Self(given)
    }

    /// Returns these parameters with another text for one of them.
    pub(crate) fn with(&self, key: &str, text: &str) -> Self {
        let mut given = self.0.clone();
        given.insert(key.to_owned(), Given::Text(text.to_owned()));
        Self(given)
    }

    /// Returns these parameters, one of them under another name.
    pub(crate) fn renamed(&self, from: &str, to: &str) -> Self {
        let mut given = self.0.clone();
        if let Some(value) = given.remove(from) {
            given.insert(to.to_owned(), value);
        }
        Self(given)
    }

    /// Returns what was given for a parameter.
    pub(crate) fn given(&self, key: &str) -> Option<&Given> {
        self.0.get(key)
    }

    /// Returns the text of a parameter, the last one of a list.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        text(self.0.get(key)?)
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
        let values: Vec<&str> = match self.0.get(key) {
            Some(Given::Text(value)) => vec![value],
            Some(Given::List(values)) => values.iter().map(String::as_str).collect(),
            Some(Given::Null | Given::Table) | None => Vec::new(),
        };
        values
            .into_iter()
            .flat_map(|value| value.split([',', ';', ' ', '\0']))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Returns the texts of a parameter that may come more than once, as they are.
    pub(crate) fn all(&self, key: &str) -> Vec<String> {
        match self.0.get(key) {
            Some(Given::Text(value)) => vec![value.clone()],
            Some(Given::List(values)) => values.clone(),
            Some(Given::Null | Given::Table) | None => Vec::new(),
        }
    }

    /// Returns all parameters of a named set, one text each.
    pub(crate) fn of(&self, set: &str) -> BTreeMap<String, String> {
        self.0
            .iter()
            .filter(|(key, _)| schema::is_in_set(set, key))
            .filter_map(|(key, given)| Some((key.clone(), whole(given)?)))
            .collect()
    }

    /// Returns the names of all parameters.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Returns a value as one text: the check let several values through only where a list is meant.
fn whole(given: &Given) -> Option<String> {
    match given {
        Given::List(values) => Some(values.join(",")),
        Given::Text(_) | Given::Null | Given::Table => text(given).map(str::to_owned),
    }
}

fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(value) => Some(value),
        Given::List(values) => values.last().map(String::as_str),
        Given::Null | Given::Table => None,
    }
}
