//! What is known of an API token, and of the file that its secret is in. The secret itself is never asked for.

use phoenix_core::{
    Evidence, Facts, ObjectKind, Probe, Site,
    object::{Values, record_probe},
};

use super::TokenSpec;
use crate::object::lines_of;

/// A token that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its properties.
    pub values: Values,
}

/// What a file has of a token's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is no file.
    Missing,
    /// A run made the file, and ended before there was a secret.
    Reserved,
    /// The secret.
    Secret,
    /// Something of which nothing tells that Phoenix has written it.
    Other,
}

impl Observed {
    /// Reads a token from the facts.
    pub(crate) fn read(name: &str, facts: &Facts) -> Option<Self> {
        let values = facts.objects(&ObjectKind::Token)?.rows.get(name)?.clone();
        Some(Self { values })
    }
}

impl Kept {
    /// Returns the questions: how large the file is and who may read it, and whether it is recorded.
    pub(crate) fn probes(want: &TokenSpec) -> [Probe; 2] {
        [file_probe(want), record_probe(&want.node, &ObjectKind::Token, &want.name)]
    }

    /// Reads the answers.
    pub(crate) fn read(want: &TokenSpec, facts: &Facts) -> Self {
        let Some((size, _)) = file(want, facts) else { return Self::Missing };
        match (is_recorded(want, facts), size) {
            (true, "0") => Self::Reserved,
            (true, _) => Self::Secret,
            (false, _) => Self::Other,
        }
    }
}

/// Returns the size of the file and its permission bits, if it is there.
pub(crate) fn file<'a>(want: &TokenSpec, facts: &'a Facts) -> Option<(&'a str, &'a str)> {
    match facts.get(&file_probe(want))? {
        Evidence::Output { status: 0, stdout, .. } => stdout.trim().split_once(' '),
        _ => None,
    }
}

/// Returns the question how large the file is and who may read it.
pub(crate) fn file_probe(want: &TokenSpec) -> Probe {
    Probe::command(&site(want), ["stat", "-c", "%s %a", &want.file])
}

/// Tells whether the file is recorded as this token's.
pub(crate) fn is_recorded(want: &TokenSpec, facts: &Facts) -> bool {
    let lines = lines_of(&want.node, &ObjectKind::Token, &want.name, facts);
    lines.is_some_and(|lines| lines == [record_line(want)])
}

/// Returns the line of the record.
pub(crate) fn record_line(want: &TokenSpec) -> String {
    format!("file={}", want.file)
}

/// Returns the node as a site.
pub(crate) fn site(want: &TokenSpec) -> Site {
    Site::Host(want.node.as_str().into())
}
