//! What is known of a node's network interfaces.

use std::collections::BTreeMap;

use phoenix_core::{Facts, ObjectKind, object::Values};

/// The interfaces, as they will be once what is pending is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Their properties, by name.
    pub rows: BTreeMap<String, Values>,
    /// What is pending.
    pub pending: Option<String>,
}

impl Observed {
    /// Reads the interfaces of a node from the facts.
    pub(crate) fn read(node: &str, facts: &Facts) -> Option<Self> {
        let objects = facts.objects(&kind(node))?;
        Some(Self { rows: objects.rows.clone(), pending: objects.pending.clone() })
    }
}

/// Returns the list that the interfaces of a node stand in.
pub(crate) fn kind(node: &str) -> ObjectKind {
    ObjectKind::Interface { node: node.into() }
}
