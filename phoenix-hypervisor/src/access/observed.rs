//! What is known of a user, a group or a role.

use phoenix_core::{Facts, ObjectKind, object::Values};

use crate::object::lines_of;

/// One that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its properties.
    pub values: Values,
}

impl Observed {
    /// Reads one from the facts.
    pub(crate) fn read(of: &ObjectKind, name: &str, facts: &Facts) -> Option<Self> {
        let values = facts.objects(of)?.rows.get(name)?.clone();
        Some(Self { values })
    }
}

/// Tells whether a role has a record.
pub(crate) fn is_recorded(node: &str, role: &str, facts: &Facts) -> bool {
    lines_of(node, &ObjectKind::Role, role, facts).is_some_and(|lines| lines == [role_line(role)])
}

/// Returns the line of a role's record.
pub(crate) fn role_line(role: &str) -> String {
    format!("role={role}")
}
