//! What is known of a storage.

use phoenix_core::{Facts, ObjectKind, object::Values};

use crate::object::{is_same, record};

/// A storage that is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its properties.
    pub values: Values,
}

/// Storages that every installation of Proxmox VE brings along.
const SHIPPED: [&str; 4] = ["local", "local-btrfs", "local-lvm", "local-zfs"];
/// Properties that are given once.
pub(crate) const FIXED: [&str; 15] = [
    "base",
    "blocksize",
    "datastore",
    "export",
    "iscsiprovider",
    "path",
    "pool",
    "portal",
    "server",
    "share",
    "target",
    "thinpool",
    "type",
    "vgname",
    "volume",
];

impl Observed {
    /// Reads a storage from the facts.
    pub(crate) fn read(name: &str, facts: &Facts) -> Option<Self> {
        let values = facts.objects(&ObjectKind::Storage)?.rows.get(name)?.clone();
        Some(Self { values })
    }
}

/// Tells whether a storage came with Proxmox VE.
pub(crate) fn is_shipped(name: &str) -> bool {
    SHIPPED.contains(&name)
}

/// Returns the lines of the record of a storage: what of it never changes.
pub(crate) fn identity(values: &Values) -> Vec<String> {
    let is_given = |(key, value): &(&String, &String)| FIXED.contains(&key.as_str()) && !value.is_empty();
    values.iter().filter(is_given).map(|(key, value)| format!("{key}={value}")).collect()
}

/// Tells whether the facts prove that a storage is Phoenix's: there is a record, and it is what the record says.
pub(crate) fn is_ours(node: &str, name: &str, values: &Values, facts: &Facts) -> bool {
    let Some(recorded) = record(node, &ObjectKind::Storage, name, facts) else { return false };
    let is_so =
        |(key, value): (&String, &String)| values.get(key).is_some_and(|found| is_same(key, value, found));
    recorded.contains_key("type") && recorded.iter().all(is_so)
}

/// Tells whether a record of a storage says what is wanted, so that it need not be written.
pub(crate) fn is_recorded(node: &str, name: &str, wanted: &Values, facts: &Facts) -> bool {
    let recorded = record(node, &ObjectKind::Storage, name, facts);
    recorded.is_some_and(|recorded| {
        let lines: Vec<String> = recorded.iter().map(|(key, value)| format!("{key}={value}")).collect();
        lines == identity(wanted)
    })
}
