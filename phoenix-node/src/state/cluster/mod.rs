//! What the cluster as a whole is set to: options, HA, jobs, SDN, notifications, mappings.

pub(crate) mod ha;
pub(crate) mod notifications;
pub(crate) mod sdn;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::state::sections::Sections;

/// What the cluster as a whole is set to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    /// The options of the datacenter, each as it was given.
    pub(crate) options: Map<String, Value>,
    pub(crate) ha: ha::Ha,
    /// Backup jobs and synchronisations of realms.
    pub(crate) jobs: Sections,
    pub(crate) replication: Sections,
    pub(crate) sdn: sdn::Sdn,
    pub(crate) notifications: notifications::Notifications,
    pub(crate) mappings: Mappings,
    /// The servers that metrics are sent to.
    pub(crate) metrics: Sections,
    pub(crate) acme_plugins: Sections,
    pub(crate) cpu_models: Sections,
}

/// Names for devices and directories that every node has at a place of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mappings {
    pub(crate) dir: Sections,
    pub(crate) pci: Sections,
    pub(crate) usb: Sections,
}
