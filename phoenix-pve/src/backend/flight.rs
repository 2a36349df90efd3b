//! Work in flight: the tasks that run on a node and are, or hold up, what an action wants. After a reply was lost or
//! Phoenix was killed, the task goes on inside Proxmox VE: it is found in the task list and waited for.

use phoenix_core::{Action, BackendError, GuestId, GuestKind, engine::Event};

use super::{PveBackend, perform::Work};
use crate::error::PveError;

/// What became of a task that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    /// There was none.
    Nothing,
    /// One ended that does just this, and well.
    Landed,
    /// One ended: what it held is free, and what it did can be looked at.
    Ended,
}

/// A task that an action would start: its types and what it works on.
struct Own {
    kinds: &'static [&'static str],
    id: String,
    node: Option<String>,
}

impl PveBackend {
    /// Waits for a running task that does what an action wants, be it that the call which began it was not answered
    /// or that a former run began it; failing that, for one that holds the guest.
    pub(super) async fn wait_in_flight(
        &self,
        action: &Action,
        work: Work<'_>,
    ) -> Result<Flight, BackendError> {
        let Some(own) = own(action) else { return Ok(Flight::Nothing) };
        let node = match (&own.node, place_of(action)) {
            (Some(node), _) => node.clone(),
            (None, Some(guest)) => self.find(guest).await?.unwrap_or_else(|| self.node.clone()),
            (None, None) => self.node.clone(),
        };
        let tasks = self.active_tasks(&node).await?;
        let mine = tasks.iter().find(|(kind, id, _)| own.kinds.contains(&kind.as_str()) && *id == own.id);
        let holder = || tasks.iter().find(|(kind, id, _)| *id == own.id && is_work(kind));
        let Some((kind, id, upid)) = mine.or_else(holder) else { return Ok(Flight::Nothing) };
        let text = format!("waiting for the task `{kind}` of `{id}`, which runs already");
        work.events.send(Event::Progress { step: work.step.clone(), text });
        let is_mine = mine.is_some();
        match self.wait(upid, work).await {
            Ok(()) if is_mine => Ok(Flight::Landed),
            Ok(()) => Ok(Flight::Ended),
            // How somebody else's task ended is not this step's failure; its own is found by trying again.
            Err(PveError::Task { message, .. }) => {
                tracing::debug!(%upid, message, "a task that was waited for failed");
                Ok(Flight::Ended)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Consoles look at a guest and hold nothing.
fn is_work(kind: &str) -> bool {
    !kind.ends_with("proxy") && !kind.ends_with("shell")
}

/// Returns the guest on whose node an action's task runs.
fn place_of(action: &Action) -> Option<GuestId> {
    match action {
        Action::Clone { source, .. } => Some(*source),
        Action::Configure { guest, .. }
        | Action::SetRawKeys { guest, .. }
        | Action::Resize { guest, .. }
        | Action::Start { guest }
        | Action::Stop { guest, .. }
        | Action::Migrate { guest, .. }
        | Action::Delete { guest }
        | Action::Snapshot { guest, .. }
        | Action::DeleteSnapshot { guest, .. }
        | Action::Rollback { guest, .. }
        | Action::MakeTemplate { guest } => Some(*guest),
        Action::FetchOsTemplate { .. }
        | Action::FetchImage { .. }
        | Action::CreateLxc { .. }
        | Action::CreateVm { .. }
        | Action::Firewall { .. }
        | Action::Object { .. }
        | Action::WriteFile { .. }
        | Action::InstallArtifact { .. }
        | Action::MakeDirectory { .. }
        | Action::Symlink { .. }
        | Action::RemoveFile { .. }
        | Action::InstallPackages { .. }
        | Action::EnsureUser { .. }
        | Action::SetUnit { .. }
        | Action::Run { .. }
        | Action::Reboot { .. }
        | Action::Await { .. } => None,
    }
}

/// Returns the task that an action would start; none for those that start none.
fn own(action: &Action) -> Option<Own> {
    let of = |guest: &GuestId, lxc: &'static [&'static str], vm: &'static [&'static str]| {
        let kinds = match guest.kind {
            GuestKind::Lxc => lxc,
            GuestKind::Vm => vm,
        };
        Some(Own { kinds, id: guest.vmid.to_string(), node: None })
    };
    match action {
        // The task of the appliance index names nothing, that of an address its file.
        Action::FetchOsTemplate { node, .. } => {
            Some(Own { kinds: &["download"], id: String::new(), node: node.clone() })
        }
        Action::FetchImage { node, filename, .. } => {
            Some(Own { kinds: &["download"], id: filename.clone(), node: node.clone() })
        }
        Action::CreateLxc { vmid, node, .. } => {
            Some(Own { kinds: &["vzcreate"], id: vmid.to_string(), node: node.clone() })
        }
        Action::CreateVm { vmid, node, .. } => {
            Some(Own { kinds: &["qmcreate"], id: vmid.to_string(), node: node.clone() })
        }
        // A clone's task bears the number of its source: which clone it makes, only the clone's own lock tells.
        Action::Clone { source, .. } => of(source, &[], &[]),
        Action::Configure { guest, .. } | Action::SetRawKeys { guest, .. } => of(guest, &[], &["qmconfig"]),
        Action::Resize { guest, .. } => of(guest, &["resize"], &["resize"]),
        Action::Start { guest } => of(guest, &["vzstart"], &["qmstart"]),
        Action::Stop { guest, .. } => of(guest, &["vzshutdown", "vzstop"], &["qmshutdown", "qmstop"]),
        Action::Migrate { guest, .. } => of(guest, &["vzmigrate", "hamigrate"], &["qmigrate", "hamigrate"]),
        Action::Delete { guest } => of(guest, &["vzdestroy"], &["qmdestroy"]),
        Action::Snapshot { guest, .. } => of(guest, &["vzsnapshot"], &["qmsnapshot"]),
        Action::DeleteSnapshot { guest, .. } => of(guest, &["vzdelsnapshot"], &["qmdelsnapshot"]),
        Action::Rollback { guest, .. } => of(guest, &["vzrollback"], &["qmrollback"]),
        Action::MakeTemplate { guest } => of(guest, &["vztemplate"], &["qmtemplate"]),
        Action::Firewall { .. }
        | Action::Object { .. }
        | Action::WriteFile { .. }
        | Action::InstallArtifact { .. }
        | Action::MakeDirectory { .. }
        | Action::Symlink { .. }
        | Action::RemoveFile { .. }
        | Action::InstallPackages { .. }
        | Action::EnsureUser { .. }
        | Action::SetUnit { .. }
        | Action::Run { .. }
        | Action::Reboot { .. }
        | Action::Await { .. } => None,
    }
}
