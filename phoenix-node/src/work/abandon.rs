//! What becomes of a task's preparations when it fails or is stopped.

use super::{Work, dump, recover, restore};
use crate::state::State;

impl Work {
    /// Takes back what the task prepared, after it failed or was stopped.
    pub(crate) fn abandon(&self, state: &mut State) {
        match self {
            Self::Dump(dump) => dump::abandon(dump, state),
            Self::Restore(work) => restore::abandon(work, state),
            Self::Create { vmid, kind, .. } => recover::drop_reserved(state, *kind, *vmid),
            Self::Clone { kind, source, target, .. } => {
                recover::drop_reserved(state, *kind, *target);
                recover::unlock(state, *source, &["disk"]);
            }
            Self::Snapshot { vmid, .. } => recover::unlock(state, *vmid, &["snapshot"]),
            Self::DeleteSnapshot { vmid, .. } => recover::unlock(state, *vmid, &["snapshot-delete"]),
            Self::Rollback { vmid, .. } => recover::unlock(state, *vmid, &["rollback"]),
            Self::Guest(job) => job.abandon(state),
            Self::Start { .. }
            | Self::Stop { .. }
            | Self::Reboot { .. }
            | Self::Destroy { .. }
            | Self::Template { .. }
            | Self::Resize { .. }
            | Self::Configure { .. }
            | Self::Host(_)
            | Self::Storage(_)
            | Self::Bulk { .. }
            | Self::ReloadNetworks => {}
        }
    }
}
