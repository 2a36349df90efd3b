//! Targets: the words with which a user names guests (`950`, `lxc/950`, `Portainer`), and what they stand for.

use std::{collections::BTreeSet, fmt};

use phoenix_core::{ResourceId, planner::Resolved};

use crate::error::Error;

/// Why a word is not a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// No guest is called so.
    Unknown {
        /// The word.
        word: String,
        /// The nearest one that names a guest.
        nearest: Option<String>,
    },
    /// Several are.
    Ambiguous {
        /// The word.
        word: String,
        /// All of them.
        ids: Vec<ResourceId>,
    },
}

/// Returns what words stand for; all that stand for nothing are reported at once.
pub(crate) fn find(resolved: &Resolved, words: &[String]) -> Result<BTreeSet<ResourceId>, Error> {
    let mut found = BTreeSet::new();
    let mut complaints = Vec::new();
    for word in words {
        match find_one(resolved, word) {
            Ok(id) => drop(found.insert(id)),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if complaints.is_empty() { Ok(found) } else { Err(Error::Targets { targets: complaints }) }
}

/// Returns what a word stands for.
pub(crate) fn find_one(resolved: &Resolved, word: &str) -> Result<ResourceId, Complaint> {
    let all = || resolved.ids().map(|id| (id, name(resolved, id)));
    // An id is exact; a number or a name may be shared by several.
    if let Some((id, _)) = all().find(|(id, _)| id.as_str() == word) {
        return Ok(id.clone());
    }
    let ids: Vec<_> = all()
        .filter(|(id, name)| id.name() == word || name.eq_ignore_ascii_case(word))
        .map(|(id, _)| id.clone())
        .collect();
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => {
            let known = all().flat_map(|(id, name)| [id.to_string(), id.name().to_owned(), name]);
            Err(Complaint::Unknown { word: word.to_owned(), nearest: nearest(word, known) })
        }
        _ => Err(Complaint::Ambiguous { word: word.to_owned(), ids }),
    }
}

/// Returns a guest's host name; its number if it has none.
pub(crate) fn name(resolved: &Resolved, id: &ResourceId) -> String {
    resolved
        .spec(id)
        .and_then(|spec| Some(spec.pointer("/guest/name").or_else(|| spec.get("name"))?.as_str()?.to_owned()))
        .unwrap_or_else(|| id.name().to_owned())
}

/// Returns the one that is most like a word, if one is like it at all.
pub(crate) fn nearest(word: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let word = word.to_lowercase();
    known
        .map(|other| (strsim::normalized_damerau_levenshtein(&word, &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other)
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word, nearest: Some(nearest) } => {
                write!(f, "nothing in the configuration is called `{word}`; did you mean `{nearest}`?")
            }
            Self::Unknown { word, nearest: None } => {
                write!(f, "nothing in the configuration is called `{word}`")
            }
            Self::Ambiguous { word, ids } => {
                let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
                write!(f, "`{word}` is the name of {}", ids.join(" and of "))
            }
        }
    }
}
