//! An object: something that Proxmox VE keeps by its API and that is no guest. Storages, users and network interfaces are
//! all rows of one list, read by one call and changed a row at a time; what is Phoenix's among them is proven by a mark in
//! the comment, or by a record on the node where there is no comment.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{id::Site, secret::SecretRef};

mod change;

pub use change::ObjectChange;

/// The properties of an object in PVE's words, as texts.
pub type Values = BTreeMap<String, String>;

/// Which list an object stands in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ObjectKind {
    /// The storages that are defined, by their ids.
    Storage,
    /// The roles, by name.
    Role,
    /// The groups of users, by name.
    Group,
    /// The users, by `name@realm`.
    User,
    /// The API tokens, by `name@realm!token`.
    Token,
    /// The access control list, by [`grant_name`].
    Acl,
    /// The network interfaces of a node, by name: as they will be once what is pending is applied.
    Interface {
        /// The node.
        node: Arc<str>,
    },
    /// All that lies on a storage, by volid. It is only read.
    Volume {
        /// The node that looks.
        node: Arc<str>,
        /// The storage.
        storage: String,
    },
}

/// The objects of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// A row each, by name.
    pub rows: BTreeMap<String, Values>,
    /// The digest of the list, to send with a change; empty where PVE has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// What somebody has changed and not applied yet, where a list has such a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// What the comment of an object ends in that is Phoenix's.
const MARK: &str = "[phoenix]";
/// Where a node keeps the records of objects that have no comment.
const RECORDS: &str = "/etc/phoenix/objects";

impl ObjectKind {
    /// Returns the word for one of them.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Role => "role",
            Self::Group => "group",
            Self::User => "user",
            Self::Token => "token",
            Self::Acl => "permission",
            Self::Interface { .. } => "interface",
            Self::Volume { .. } => "volume",
        }
    }

    /// Returns the probe that asks for all of them.
    pub fn probe(&self) -> crate::Probe {
        crate::Probe::Objects { of: self.clone() }
    }
}

/// Tells whether a comment is that of an object of Phoenix's.
pub fn is_marked(comment: &str) -> bool {
    comment.trim_end().ends_with(MARK)
}

/// Returns a comment with the mark.
pub fn marked(comment: &str) -> String {
    format!("{} {MARK}", unmarked(comment)).trim_start().to_owned()
}

/// Returns a comment without the mark.
pub fn unmarked(comment: &str) -> &str {
    let comment = comment.trim();
    comment.strip_suffix(MARK).map_or(comment, str::trim_end)
}

/// Returns the name of an entry of the access control list.
pub fn grant_name(path: &str, holder: &str, name: &str, role: &str) -> String {
    format!("{path} {holder} {name} {role}")
}

/// Returns the file on a node that proves that an object without a comment is Phoenix's.
pub fn record_path(kind: &ObjectKind, name: &str) -> String {
    format!("{RECORDS}/{}-{name}", kind.noun())
}

/// Returns the question about the record of an object.
pub fn record_probe(node: &str, kind: &ObjectKind, name: &str) -> crate::Probe {
    crate::Probe::file(&Site::Host(node.into()), record_path(kind, name))
}

/// What is only told to Proxmox VE and never read back, by property.
pub type Secrets = BTreeMap<String, SecretRef>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_at_the_end_of_a_comment_and_is_taken_off_again() {
        for comment in ["", "an operator", "two words "] {
            let with = marked(comment);
            assert!(is_marked(&with), "{with}");
            assert_eq!(unmarked(&with), comment.trim());
            assert_eq!(marked(&with), with);
        }
        assert!(!is_marked("[phoenix] was here"));
    }
}
