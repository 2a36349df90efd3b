//! The firewall of the cluster, of nodes and of guests.

use serde::{Deserialize, Serialize};

/// The firewall of the cluster, of nodes and of guests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewalls {}
