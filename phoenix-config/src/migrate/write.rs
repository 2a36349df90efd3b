//! Writing: everything goes to a folder beside the target, which takes the target's place in one rename.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Explained;
use crate::{ConfigError, model::Model};

/// The file that tells that a folder was written by a migration, and what it changed.
const REPORT: &str = "MIGRATION.md";
const TITLE: &str = "# Migrated by `phoenix migrate`";

/// Keys that stand first; the others follow sorted.
const FIRST: [&str; 12] = [
    "vmid",
    "name",
    "title",
    "description",
    "tags",
    "is_template",
    "os_template",
    "template_image",
    "clone",
    "type",
    "action",
    "pool",
];

/// Refuses a folder that holds something else.
pub(super) fn check_free(out: &Path) -> Result<(), ConfigError> {
    match fs::read_dir(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ConfigError::Io { verb: "read", path: out.to_owned(), source }),
        Ok(mut entries) => {
            let is_ours = fs::read_to_string(out.join(REPORT)).is_ok_and(|text| text.starts_with(TITLE));
            match entries.next().is_none() || is_ours {
                true => Ok(()),
                false => Err(ConfigError::Occupied { dir: out.to_owned() }),
            }
        }
    }
}

/// Writes everything to a folder beside the target and returns it.
pub(super) fn stage(
    old: &Path,
    out: &Path,
    model: &Model,
    files: &BTreeMap<String, Value>,
    changes: &[Explained],
) -> Result<PathBuf, ConfigError> {
    let staged = beside(out, "new");
    discard(&staged);
    let written = write_all(old, &staged, model, files, changes);
    if written.is_err() {
        discard(&staged);
    }
    written.map(|()| staged)
}

/// Puts the staged folder in the target's place.
pub(super) fn publish(staged: &Path, out: &Path) -> Result<(), ConfigError> {
    let previous = beside(out, "old");
    discard(&previous);
    let io = |verb: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| ConfigError::Io { verb, path, source }
    };
    if out.exists() {
        fs::rename(out, &previous).map_err(io("replace", out))?;
    }
    if let Err(source) = fs::rename(staged, out) {
        // The earlier result is better than none.
        let _ = fs::rename(&previous, out);
        discard(staged);
        return Err(ConfigError::Io { verb: "create", path: out.to_owned(), source });
    }
    discard(&previous);
    Ok(())
}

/// Removes a folder of ours, if it is there; what cannot be removed does no harm.
pub(super) fn discard(dir: &Path) {
    let _ = fs::remove_dir_all(dir);
}

fn beside(out: &Path, what: &str) -> PathBuf {
    let name = out.file_name().map_or_else(|| "config".into(), |name| name.to_string_lossy().into_owned());
    out.with_file_name(format!(".{name}.phoenix-{what}-{}", std::process::id()))
}

fn write_all(
    old: &Path,
    staged: &Path,
    model: &Model,
    files: &BTreeMap<String, Value>,
    changes: &[Explained],
) -> Result<(), ConfigError> {
    for (file, value) in files {
        write(&staged.join(file), &pretty(value))?;
    }
    for compose in model.stacks.values().filter_map(|stack| stack.compose_file.as_deref()) {
        let path = old.join(compose);
        let text =
            fs::read_to_string(&path).map_err(|source| ConfigError::Io { verb: "read", path, source })?;
        write(&staged.join(compose), &text)?;
    }
    write(&staged.join(REPORT), &report(changes))
}

fn write(path: &Path, text: &str) -> Result<(), ConfigError> {
    let io = |source| ConfigError::Io { verb: "write", path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io)?;
    }
    fs::write(path, text).map_err(|source| ConfigError::Io { verb: "write", path: path.to_owned(), source })
}

fn report(changes: &[Explained]) -> String {
    let mut text = format!("{TITLE}\n\nEach line is a change: where in the old files, what, and why.\n");
    let mut file = None;
    for change in changes {
        if file != Some(&change.place.file) {
            text.push_str(&format!("\n## {}\n\n", change.place.file));
            file = Some(&change.place.file);
        }
        text.push_str(&format!(
            "- line {}, `{}`: {}: {}.\n",
            change.place.line, change.place.path, change.what, change.why
        ));
    }
    text
}

/// Returns a value as JSON for people: important keys first, short values in one line.
fn pretty(value: &Value) -> String {
    let mut text = String::new();
    print(value, 0, &mut text);
    text.push('\n');
    text
}

fn print(value: &Value, depth: usize, text: &mut String) {
    let flat = inline(value);
    let is_flat = match value {
        Value::Array(_) | Value::Object(_) => flat.len() + depth * 4 <= 100 && nesting(value) < 3,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if is_flat {
        text.push_str(&flat);
        return;
    }
    let indent = "    ".repeat(depth + 1);
    let (open, close, parts): (char, char, Vec<(Option<&str>, &Value)>) = match value {
        Value::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        Value::Object(_) => {
            ('{', '}', sorted(value).into_iter().map(|(key, item)| (Some(key), item)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    text.push(open);
    for (index, (key, item)) in parts.iter().enumerate() {
        text.push_str(if index > 0 { ",\n" } else { "\n" });
        text.push_str(&indent);
        if let Some(key) = key {
            text.push_str(&format!("{}: ", Value::from(*key)));
        }
        print(item, depth + 1, text);
    }
    text.push('\n');
    text.push_str(&"    ".repeat(depth));
    text.push(close);
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(_) => {
            let parts: Vec<String> = sorted(value)
                .into_iter()
                .map(|(key, item)| format!("{}: {}", Value::from(key), inline(item)))
                .collect();
            format!("{{ {} }}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(nesting).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn sorted(value: &Value) -> Vec<(&str, &Value)> {
    let mut parts: Vec<(&str, &Value)> = value
        .as_object()
        .map(|map| map.iter().map(|(key, item)| (key.as_str(), item)).collect())
        .unwrap_or_default();
    parts.sort_by_key(|(key, _)| (FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()), *key));
    parts
}
