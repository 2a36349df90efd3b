//! The file systems that pools have.

use std::collections::BTreeMap;

use phoenix_core::Draft;
use serde_json::Value;

use crate::pools::{properties_of, rows, said};

/// What is asked of every file system, before the properties that the configuration names.
const COLUMNS: &str = "name,used,referenced";

/// The file systems by their names, each with its properties.
pub(crate) type Datasets = BTreeMap<String, BTreeMap<String, String>>;

/// Returns the file systems with these properties; none if they cannot be read.
pub(crate) fn read(draft: &Draft<'_>, properties: &[String]) -> Option<Datasets> {
    let mut columns = COLUMNS.to_owned();
    for property in properties {
        columns.push(',');
        columns.push_str(property);
    }
    match said(draft, &["zfs", "list", "-j", "-p", "-t", "filesystem", "-o", &columns])? {
        Ok(text) => of_json(text),
        Err(()) => {
            let text = said(draft, &["zfs", "list", "-H", "-p", "-t", "filesystem", "-o", &columns])?.ok()?;
            Some(rows(text, &columns))
        }
    }
}

fn of_json(text: &str) -> Option<Datasets> {
    if text.trim().is_empty() {
        return Some(Datasets::new());
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let datasets = value["datasets"].as_object().into_iter().flatten();
    Some(datasets.map(|(name, dataset)| (name.clone(), properties_of(dataset))).collect())
}
