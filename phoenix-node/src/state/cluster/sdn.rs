//! Software-defined networks: what is configured, and what was in force when it was last applied.

use serde::{Deserialize, Serialize};

use crate::state::sections::Sections;

/// Software-defined networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sdn {
    pub(crate) config: Layout,
    pub(crate) running: Layout,
    /// How often it was applied.
    pub(crate) version: u64,
    pub(crate) ipams: Sections,
    pub(crate) dns: Sections,
    /// The addresses that guests were given, by address.
    pub(crate) addresses: Sections,
    /// Who may change it now, if somebody took the lock.
    pub(crate) lock: Option<String>,
}

/// What is applied as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Layout {
    pub(crate) zones: Sections,
    pub(crate) vnets: Sections,
    pub(crate) subnets: Sections,
    pub(crate) controllers: Sections,
    pub(crate) fabrics: Sections,
    /// By `fabric_node`.
    pub(crate) fabric_nodes: Sections,
}
