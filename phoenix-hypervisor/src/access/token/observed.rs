//! What is known of an API token, and of the file that its secret is in. The secret itself is never asked for.

use phoenix_core::{Evidence, Facts, ObjectKind, Probe, Site, object::Values};

use super::TokenSpec;

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
    /// A run wrote down for which token the file is, and ended before there was a secret.
    Reserved,
    /// A secret of this token.
    Secret,
    /// Something else.
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
    /// Returns the question: one byte more than what a file of this token begins with.
    pub(crate) fn probe(want: &TokenSpec) -> Probe {
        let count = (start(want).len() + 1).to_string();
        Probe::command(&site(want), ["head", "-c", &count, &want.file])
    }

    /// Reads the answer.
    pub(crate) fn read(want: &TokenSpec, facts: &Facts) -> Self {
        match facts.get(&Self::probe(want)) {
            Some(Evidence::Output { status: 0, stdout, .. }) => match stdout.strip_prefix(&start(want)) {
                Some(rest) if rest.trim().is_empty() => Self::Reserved,
                Some(_) => Self::Secret,
                None => Self::Other,
            },
            _ => Self::Missing,
        }
    }
}

/// Returns what the file of a token begins with.
pub(crate) fn start(want: &TokenSpec) -> String {
    format!("{}=", want.name)
}

/// Returns the node as a site.
pub(crate) fn site(want: &TokenSpec) -> Site {
    Site::Host(want.node.as_str().into())
}
