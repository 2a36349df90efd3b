//! Users, groups, roles, lists of permissions and tokens.

use serde::{Deserialize, Serialize};

/// Users, groups, roles, lists of permissions and tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Access {}
