//! Pools of guests and storages.

use serde::{Deserialize, Serialize};

/// Pools of guests and storages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pools {}
