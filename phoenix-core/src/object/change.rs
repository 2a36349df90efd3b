//! One change of an object. What the plan saw travels with it: whoever performs it looks again first, so that it can be
//! done twice, and what another hand did meanwhile is not undone.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Secrets, Values};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ObjectChange {
    /// Makes it.
    Create {
        /// All of its properties.
        values: Values,
        /// Those that are secrets.
        #[serde(default, skip_serializing_if = "Secrets::is_empty")]
        secrets: Secrets,
    },
    /// Changes properties.
    Update {
        /// Properties to set.
        set: Values,
        /// Properties to take away.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        delete: BTreeSet<String>,
        /// What the plan saw of it.
        seen: Values,
    },
    /// Removes it.
    Remove {
        /// What the plan saw of it.
        seen: Values,
    },
    /// Makes an API token, or a new secret for one that is there, and writes the secret into a file of a node: Proxmox VE
    /// tells it this once.
    Issue {
        /// The token's properties.
        values: Values,
        /// The node.
        node: Arc<str>,
        /// The absolute path of the file; only root reads it.
        file: String,
    },
    /// Keeps the present interfaces of a node, and lets the node put them back by itself unless the change is confirmed in
    /// time.
    Guard {
        /// How long the node waits.
        seconds: u32,
    },
    /// Brings what is pending into force.
    Apply,
    /// Reaches the node over a new connection, and then ends the guard.
    Confirm,
}
