//! Masks: secrets are replaced before a text can be shown, so that no excerpt can give one away.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Entry, Span, last_key};
use crate::secret;

const MASK: &str = "********";

/// Returns the pointers of the values that are secrets in clear.
pub(super) fn secrets(value: &Value, entries: &BTreeMap<String, Entry>) -> Vec<String> {
    entries
        .iter()
        .filter(|(pointer, entry)| entry.is_scalar && is_secret(value, pointer))
        .map(|(pointer, _)| pointer.clone())
        .collect()
}

/// Replaces the values that are secrets.
pub(super) fn mask_values(text: &str, entries: &BTreeMap<String, Entry>, secrets: &[String]) -> String {
    let mut spans: Vec<Span> =
        secrets.iter().filter_map(|pointer| entries.get(pointer)).map(|entry| entry.value).collect();
    spans.sort_by_key(|span| span.start);
    let mut shown = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        let old = &text[span.start..span.end];
        let quoted = format!("\"{MASK}\"");
        shown.push_str(&text[done..span.start]);
        shown.push_str(&quoted);
        // A block text of YAML spans lines; the lines below it must keep their numbers.
        shown.push_str(&"\n".repeat(old.matches('\n').count()));
        done = span.end;
    }
    shown.push_str(&text[done..]);
    shown
}

fn is_secret(root: &Value, pointer: &str) -> bool {
    let Some(Value::String(text)) = root.pointer(pointer) else { return false };
    let (parent, _) = pointer.rsplit_once('/').unwrap_or(("", ""));
    let key = last_key(pointer);
    let sibling = root.pointer(parent).and_then(|parent| parent.get("name")).and_then(Value::as_str);
    let named = match (key.as_str(), sibling) {
        ("value", Some(name)) => secret::is_secret_name(name),
        _ => secret::is_secret_name(&key),
    };
    let assigned = text.split_once('=').is_some_and(|(name, value)| {
        secret::is_secret_name(name) && !name.contains(' ') && secret::is_plain(value)
    });
    (named && secret::is_plain(text)) || assigned
}

/// Replaces what follows a telling word in its line; for texts that cannot be parsed.
pub(super) fn mask_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // `"name": "DB_PASS"` and its `"value"` may stand on two lines.
    let mut named = false;
    for line in text.split_inclusive('\n') {
        let telling = secret::is_secret_name(line) || (named && line.contains("value"));
        named = secret::is_secret_name(line);
        let at = line.find([':', '=']).filter(|_| telling);
        match at {
            Some(at) => {
                shown.push_str(&line[..=at]);
                shown.push(' ');
                shown.push_str(MASK);
                if line.ends_with('\n') {
                    shown.push('\n');
                }
            }
            None => shown.push_str(line),
        }
    }
    shown
}
