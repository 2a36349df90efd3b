//! Notifications: endpoints and matchers. Two are there from the beginning, and come back when they are deleted.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::state::sections::{Section, Sections, sha256};

/// The types of endpoints.
pub(crate) const ENDPOINTS: &[&str] = &["gotify", "sendmail", "smtp", "webhook"];
/// The type of matchers.
pub(crate) const MATCHER: &str = "matcher";

/// Endpoints and matchers in one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notifications {
    pub(crate) sections: Sections,
    /// Tokens and passwords, by endpoint: they are never shown.
    pub(crate) secrets: Sections,
    /// Whether anything was ever written; the digest before that is that of an empty file.
    pub(crate) is_written: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        let mut sections = Sections::default();
        for section in built_in() {
            sections.put(section);
        }
        Self { sections, secrets: Sections::default(), is_written: false }
    }
}

impl Notifications {
    /// Returns an endpoint or a matcher.
    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Section> {
        self.sections.get(name).filter(|section| section.kind == kind)
    }

    /// Returns the digest of the file.
    pub(crate) fn digest(&self) -> String {
        let texts: Vec<String> = self.sections.iter().map(|section| section.text(&[])).collect();
        sha256(&if self.is_written { texts.join("\n") } else { String::new() })
    }

    /// Tells where a section comes from.
    pub(crate) fn origin(&self, section: &Section) -> &'static str {
        match built_in().into_iter().find(|first| first.id == section.id) {
            None => "user-created",
            Some(first) if first == *section => "builtin",
            Some(_) => "modified-builtin",
        }
    }

    /// Removes a section; one that was there from the beginning is again what it was.
    pub(crate) fn remove(&mut self, name: &str) {
        self.is_written = true;
        self.secrets.remove(name);
        match built_in().into_iter().find(|section| section.id == name) {
            Some(first) => self.sections.put(first),
            None => drop(self.sections.remove(name)),
        }
    }
}

/// Returns what is there from the beginning.
fn built_in() -> Vec<Section> {
    let section = |kind: &str, id: &str, values: serde_json::Value| Section {
        id: id.to_owned(),
        kind: kind.to_owned(),
        values: values.as_object().cloned().unwrap_or_default(),
    };
    vec![
        section(
            "sendmail",
            "mail-to-root",
            json!({ "comment": "Send mails to root@pam's email address", "mailto-user": ["root@pam"] }),
        ),
        section(
            MATCHER,
            "default-matcher",
            json!({ "comment": "Route all notifications to mail-to-root", "mode": "all", "target": ["mail-to-root"] }),
        ),
    ]
}
