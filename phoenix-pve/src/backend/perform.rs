//! Actions: each is brought about by calls whose order makes it safe to do twice. What is refused because something
//! else holds a lock is tried again until a budget is spent, and what was not answered a few times: being safe to do
//! twice, it finds what was done.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use phoenix_core::{
    Action, Backend, BackendError, Demand, Diagnostics, ErrorKind, Plan, Step, StepId,
    engine::{Event, Events},
};
use tokio::time::Instant;

use super::PveBackend;
use crate::{error::PveError, transport::TransportError, upid::Upid};

/// How often an action is done again because a call was not answered.
const UNANSWERED: u32 = 3;

/// The step that an action is done for, and who wants to hear of it.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) step: &'a StepId,
    pub(super) events: &'a Events,
}

#[async_trait]
impl Backend for PveBackend {
    async fn perform(&self, step: &Step, events: &Events) -> Result<(), BackendError> {
        let work = Work { step: &step.id, events };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.limits.poll_floor.max(Duration::from_millis(20)))
            .with_max_delay(Duration::from_secs(5))
            .with_factor(1.6)
            .without_max_times()
            .with_jitter();
        // PVE itself waits 10 s before it refuses, so the budget is of the clock and not of the pauses.
        let begin = Instant::now();
        let unanswered = AtomicU32::new(0);
        let attempt = || async {
            let attempted = self.attempt(&step.action, work).await;
            match attempted {
                // A lost reply, or a task of a former run that came first: what is so is so, whoever brought it about.
                Err(error) if error.kind != ErrorKind::Locked && self.is_so(&step.action).await => {
                    tracing::debug!(step = %step.id, %error, "refused, and yet it is so");
                    Ok(())
                }
                other => other,
            }
        };
        attempt
            .retry(pauses)
            .when(|error: &BackendError| {
                (error.kind == ErrorKind::Locked && begin.elapsed() < self.limits.lock_budget)
                    || (is_unanswered(error) && unanswered.fetch_add(1, Ordering::Relaxed) < UNANSWERED)
            })
            .notify(|error: &BackendError, pause| {
                let reason = error.message.clone();
                events.send(Event::Retried { step: step.id.clone(), reason, pause });
            })
            .await
    }

    async fn preflight(&self, plan: &Plan) -> Result<Diagnostics, BackendError> {
        self.check_privileges(plan).await
    }

    fn demand(&self, step: &Step) -> Demand {
        self.demand_of(&step.action)
    }
}

impl PveBackend {
    /// Tells whether what an action brings about is so already, for those that can be told from outside. What cannot
    /// be read counts as not so.
    async fn is_so(&self, action: &Action) -> bool {
        let is_so = match action {
            Action::Start { guest } => self.is_running(*guest).await.map(|running| running == Some(true)),
            Action::Stop { guest, .. } => self.is_running(*guest).await.map(|running| running == Some(false)),
            Action::Delete { guest } => self.get_of(*guest, "/config").await.map(|config| config.is_none()),
            Action::MakeTemplate { guest } => return self.is_template(*guest).await.unwrap_or(false),
            Action::DeleteSnapshot { guest, name } => {
                return self.has_snapshot(*guest, name).await.is_ok_and(|has| !has);
            }
            Action::FetchOsTemplate { .. }
            | Action::FetchImage { .. }
            | Action::CreateLxc { .. }
            | Action::CreateVm { .. }
            | Action::Clone { .. }
            | Action::Configure { .. }
            | Action::SetRawKeys { .. }
            | Action::Resize { .. }
            | Action::Snapshot { .. }
            | Action::Rollback { .. }
            | Action::WriteFile { .. }
            | Action::MakeDirectory { .. }
            | Action::Symlink { .. }
            | Action::RemoveFile { .. }
            | Action::InstallPackages { .. }
            | Action::EnsureUser { .. }
            | Action::SetUnit { .. }
            | Action::Run { .. }
            | Action::Await { .. } => return false,
        };
        is_so.unwrap_or(false)
    }

    async fn attempt(&self, action: &Action, work: Work<'_>) -> Result<(), BackendError> {
        match action {
            Action::FetchOsTemplate { storage, template } => {
                self.fetch_os_template(storage, template, work).await
            }
            Action::FetchImage { storage, url, filename, sha256 } => {
                self.fetch_image(storage, url, filename, sha256.as_deref(), work).await
            }
            Action::CreateLxc { vmid, node, template_storage, template, params } => {
                self.create_lxc(*vmid, node.as_ref(), (template_storage, template), params, work).await
            }
            Action::CreateVm { vmid, node, params } => {
                self.create_vm(*vmid, node.as_ref(), params, work).await
            }
            Action::Clone { source, target, name, description, mode, storage, snapshot } => {
                let copy = super::create::Copy {
                    source: *source,
                    target: *target,
                    name,
                    description,
                    mode: *mode,
                    storage: storage.as_ref(),
                    snapshot: snapshot.as_ref(),
                };
                self.clone_guest(copy, work).await
            }
            Action::Configure { guest, set, delete, digest } => {
                self.configure(*guest, set, delete, digest.as_deref()).await
            }
            Action::SetRawKeys { guest, lines } => self.channel.set_raw_keys(*guest, lines).await,
            Action::Resize { guest, disk, gib } => self.resize(*guest, disk, *gib, work).await,
            Action::Start { guest } => self.start(*guest, work).await,
            Action::Stop { guest, timeout_s } => self.stop(*guest, *timeout_s, work).await,
            Action::Delete { guest } => self.delete(*guest, work).await,
            Action::Snapshot { guest, name, description } => {
                self.snapshot(*guest, name, description, work).await
            }
            Action::DeleteSnapshot { guest, name } => self.delete_snapshot(*guest, name, work).await,
            Action::Rollback { guest, name } => self.rollback(*guest, name, work).await,
            Action::MakeTemplate { guest } => self.make_template(*guest, work).await,
            Action::WriteFile { site, .. }
            | Action::MakeDirectory { site, .. }
            | Action::Symlink { site, .. }
            | Action::RemoveFile { site, .. }
            | Action::InstallPackages { site, .. }
            | Action::EnsureUser { site, .. }
            | Action::SetUnit { site, .. }
            | Action::Run { site, .. } => self.act_inside(site, action).await,
            Action::Await { condition, timeout_s } => {
                self.wait_for(condition, Duration::from_secs(u64::from(*timeout_s)), work).await
            }
        }
    }

    /// Waits for the task that a call has started.
    pub(super) async fn wait(&self, upid: &str, work: Work<'_>) -> Result<(), PveError> {
        // Some calls of some releases are done at once and answer null.
        if upid.is_empty() {
            return Ok(());
        }
        let upid: Upid = upid.parse()?;
        self.waiter.wait(&self.client, &upid, work.step, work.events).await
    }
}

/// Tells whether a call of the API was not answered: whatever else cannot be reached does not get better so soon.
fn is_unanswered(error: &BackendError) -> bool {
    error.source.as_ref().is_some_and(|cause| cause.is::<TransportError>())
}
