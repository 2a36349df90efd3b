//! What is known of the access control list.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Facts, ObjectKind, Probe, object::Values};

use crate::object::lines_of;

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its entries, by name.
    pub rows: BTreeMap<String, Values>,
}

/// The name that the record of the list has.
pub(crate) const RECORD: &str = "cluster";

impl Observed {
    /// Reads the list from the facts.
    pub(crate) fn read(facts: &Facts) -> Option<Self> {
        Some(Self { rows: facts.objects(&ObjectKind::Acl)?.rows.clone() })
    }
}

/// Returns the names of the entries that are recorded as Phoenix's.
pub(crate) fn recorded(node: &str, facts: &Facts) -> BTreeSet<String> {
    lines_of(node, &ObjectKind::Acl, RECORD, facts).unwrap_or_default().into_iter().collect()
}

/// Returns the question about the record.
pub(crate) fn record_probe(node: &str) -> Probe {
    phoenix_core::object::record_probe(node, &ObjectKind::Acl, RECORD)
}
