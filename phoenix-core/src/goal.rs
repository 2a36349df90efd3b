//! What a systemd unit shall do.

use serde::{Deserialize, Serialize};

/// What a unit shall do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitGoal {
    /// Run.
    Started,
    /// Run, with everything read afresh.
    Restarted,
    /// Run, its configuration read afresh without a restart.
    Reloaded,
    /// Not run.
    Stopped,
}
