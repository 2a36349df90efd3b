//! Sections: what PVE keeps in files of the form `type: id` with a line each property. The digest is that of the file's
//! text, so it is the same as on a real host.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::state::config::hex;

/// The sections of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sections(Vec<Section>);

/// A section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) id: String,
    /// The type; empty where a file knows only one.
    pub(crate) kind: String,
    pub(crate) values: Map<String, Value>,
}

impl Sections {
    pub(crate) fn get(&self, id: &str) -> Option<&Section> {
        self.0.iter().find(|section| section.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Section> {
        self.0.iter_mut().find(|section| section.id == id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Section> {
        self.0.iter()
    }

    /// Adds a section, or puts it in the place of the one with its id.
    pub(crate) fn put(&mut self, section: Section) {
        match self.get_mut(&section.id) {
            Some(found) => *found = section,
            None => self.0.push(section),
        }
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Section> {
        let at = self.0.iter().position(|section| section.id == id)?;
        Some(self.0.remove(at))
    }

    /// Returns the text of the file: the comment first, then what every section must have, then the rest.
    pub(crate) fn text(&self, required: &[&str]) -> String {
        self.0.iter().map(|section| section.text(required) + "\n").collect()
    }

    /// Returns the digest of the file.
    pub(crate) fn digest(&self, required: &[&str]) -> String {
        sha1(&self.text(required))
    }
}

impl Section {
    /// Returns its lines.
    pub(crate) fn text(&self, required: &[&str]) -> String {
        let mut text = match self.kind.as_str() {
            "" => format!("{}\n", self.id),
            kind => format!("{kind}: {}\n", self.id),
        };
        let rank = |key: &str| match key {
            "comment" => 0,
            "disable" => 1,
            _ if required.contains(&key) => 2,
            _ => 3,
        };
        let mut keys: Vec<&String> = self.values.keys().collect();
        keys.sort_by_key(|key| (rank(key), *key));
        for key in keys {
            for value in lines(&self.values[key]) {
                text.push_str(&match (key.as_str(), value.as_str()) {
                    ("disable", "1") => "\tdisable\n".to_owned(),
                    _ => format!("\t{key} {value}\n"),
                });
            }
        }
        text
    }

    /// Returns a value that is a text.
    pub(crate) fn str(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.as_str()
    }
}

/// Returns a value as the lines that it takes: one, or one for each entry of a list.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(lines).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Returns the SHA-1 of a text, which PVE uses for digests.
pub(crate) fn sha1(text: &str) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

/// Returns the SHA-256 of a text.
pub(crate) fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_comments_first_and_what_is_required_second() {
        let mut sections = Sections::default();
        let values = serde_json::json!({ "zone": "z", "alias": "a", "comment": "c", "disable": 1, "list": ["x", "y"] });
        let values = values.as_object().cloned().unwrap_or_default();
        sections.put(Section { id: "v".to_owned(), kind: "vnet".to_owned(), values });
        let text = "vnet: v\n\tcomment c\n\tdisable\n\tzone z\n\talias a\n\tlist x\n\tlist y\n\n";
        assert_eq!(sections.text(&["zone"]), text);
        assert_eq!(sections.digest(&["zone"]), sha1(text));
        assert_eq!(Sections::default().digest(&[]), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }
}
