//! What the cluster as a whole is set to: options, HA, backup jobs, SDN, notifications, mappings.

use serde::{Deserialize, Serialize};

/// What the cluster as a whole is set to: options, HA, backup jobs, SDN, notifications, mappings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {}
