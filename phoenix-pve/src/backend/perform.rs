//! Actions: each is brought about by calls whose order makes it safe to do twice. What is refused because something
//! else holds a lock is tried again until a budget is spent, and what was not answered a few times: being safe to do
//! twice, it finds what was done.

use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use phoenix_core::{
    Action, Backend, BackendError, Demand, Diagnostics, ErrorKind, Plan, Step, StepId,
    engine::{Event, Events},
};
use tokio::time::Instant;

use super::{PveBackend, flight::Flight};
use crate::{
    error::{Cut, PveError},
    transport::TransportError,
    upid::Upid,
};

/// How often an action is done again because a call was not answered.
const UNANSWERED: u32 = 3;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The step that an action is done for, and who wants to hear of it.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) step: &'a StepId,
    pub(super) events: &'a Events,
}

/// How often a guest is looked for again that has moved away under a step.
const MOVED: u32 = 2;
/// How often other tasks are waited for.
const WAITS: u32 = 20;

#[async_trait]
impl Backend for PveBackend {
    async fn perform(&self, step: &Step, events: &Events) -> Result<(), BackendError> {
        let work = Work { step: &step.id, events };
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(self.limits.poll_floor.max(Duration::from_millis(20)))
            .with_max_delay(LONGEST_PAUSE)
            .with_factor(1.6)
            .without_max_times()
            .with_jitter()
            .build();
        let mut patience = Patience::new(self.limits.lock_budget);
        loop {
            let error = match self.attempt(&step.action, work).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let next = self.look_again(&step.action, &error, &mut patience, work).await;
            if next == Next::Done {
                tracing::debug!(step = %step.id, %error, "refused, and yet it is so");
                return Ok(());
            }
            if next == Next::GiveUp {
                return Err(error);
            }
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            let reason = error.message.clone();
            events.send(Event::Retried { step: step.id.clone(), reason, pause });
            tokio::time::sleep(pause).await;
        }
    }

    async fn preflight(&self, plan: &Plan) -> Result<Diagnostics, BackendError> {
        self.check_privileges(plan).await
    }

    fn demand(&self, step: &Step) -> Demand {
        self.demand_of(&step.action)
    }
}

/// What follows a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Done,
    Again,
    GiveUp,
}

/// How much more is tried.
struct Patience {
    budget: Duration,
    since: Instant,
    unanswered: u32,
    moved: u32,
    waits: u32,
}

impl Patience {
    fn new(budget: Duration) -> Self {
        Self { budget, since: Instant::now(), unanswered: 0, moved: 0, waits: 0 }
    }
}

impl PveBackend {
    /// Finds out what a failure has left behind, and what to do next.
    async fn look_again(
        &self,
        action: &Action,
        error: &BackendError,
        patience: &mut Patience,
        work: Work<'_>,
    ) -> Next {
        let (is_lost, is_locked) = (is_lost(error), error.kind == ErrorKind::Locked);
        if is_lost {
            patience.unanswered += 1;
        }
        // The call may have begun a task: to call again would begin a second one.
        let flight = match (is_lost || is_locked) && patience.waits < WAITS {
            true => self.wait_in_flight(action, work).await,
            false => Ok(Flight::Nothing),
        };
        if let Err(error) = &flight {
            tracing::debug!(%error, "the task list cannot be read");
        }
        let flight = flight.unwrap_or(Flight::Nothing);
        if flight != Flight::Nothing {
            // PVE itself waits 10 s before it refuses, so the budget is of the clock; a task that came to its end is
            // no waiting in vain.
            patience.since = Instant::now();
            patience.waits += 1;
        }
        // A rollback leaves no trace but the task that did it.
        if flight == Flight::Landed && matches!(action, Action::Rollback { .. }) {
            return Next::Done;
        }
        let is_told = is_lost || flight != Flight::Nothing || (!is_locked && shows(action));
        if is_told && self.is_so(action).await {
            return Next::Done;
        }
        let is_worth_it = match error.kind {
            _ if is_lost => patience.unanswered <= UNANSWERED,
            ErrorKind::Locked => patience.since.elapsed() < patience.budget,
            ErrorKind::NotFound => patience.moved < MOVED && self.has_moved(action).await,
            ErrorKind::Changed
            | ErrorKind::Forbidden
            | ErrorKind::Invalid
            | ErrorKind::Full
            | ErrorKind::Timeout
            | ErrorKind::Unreachable
            | ErrorKind::Failed
            | ErrorKind::Cancelled => false,
        };
        if error.kind == ErrorKind::NotFound {
            patience.moved += 1;
        }
        if is_worth_it { Next::Again } else { Next::GiveUp }
    }

    /// Tells whether the guest that an action works on is on another node than it was taken to be.
    async fn has_moved(&self, action: &Action) -> bool {
        let Some(before) = action.vmid().and_then(|vmid| self.place(vmid)) else { return false };
        self.forget(before.guest.vmid);
        matches!(self.find(before.guest).await, Ok(Some(now)) if now != before.node)
    }

    async fn attempt(&self, action: &Action, work: Work<'_>) -> Result<(), BackendError> {
        match action {
            Action::FetchOsTemplate { storage, node, template } => {
                self.fetch_os_template(self.node_or_own(node.as_ref()), storage, template, work).await
            }
            Action::FetchImage { storage, node, url, filename, sha256 } => {
                let node = self.node_or_own(node.as_ref());
                self.fetch_image(node, storage, (url, filename, sha256.as_deref()), work).await
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
            Action::Migrate { guest, target } => self.migrate(*guest, target, work).await,
            Action::Delete { guest } => self.delete(*guest, work).await,
            Action::Snapshot { guest, name, description } => {
                self.snapshot(*guest, name, description, work).await
            }
            Action::DeleteSnapshot { guest, name } => self.delete_snapshot(*guest, name, work).await,
            Action::Rollback { guest, name } => self.rollback(*guest, name, work).await,
            Action::MakeTemplate { guest } => self.make_template(*guest, work).await,
            Action::Firewall { scope, change } => self.change_firewall(scope, change).await,
            Action::Object { of, name, change } => self.change_object(of, name, change, work).await,
            Action::WriteFile { site, .. }
            | Action::InstallArtifact { site, .. }
            | Action::MakeDirectory { site, .. }
            | Action::Symlink { site, .. }
            | Action::RemoveFile { site, .. }
            | Action::InstallPackages { site, .. }
            | Action::EnsureUser { site, .. }
            | Action::SetUnit { site, .. }
            | Action::Run { site, .. } => self.act_inside(site, action).await,
            Action::Reboot { site, boot } => self.reboot(site, boot.as_deref(), action, work).await,
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

/// Tells whether nobody knows what became of a call: it was not answered, or lost behind a proxy.
fn is_lost(error: &BackendError) -> bool {
    error.source.as_ref().is_some_and(|cause| cause.is::<TransportError>() || cause.is::<Cut>())
}

/// Tells whether a guest shows by itself that an action is done, so that even a clear refusal can be wrong: the start
/// of a guest that runs, the removal of one that is gone.
fn shows(action: &Action) -> bool {
    matches!(
        action,
        Action::Start { .. }
            | Action::Stop { .. }
            | Action::Delete { .. }
            | Action::MakeTemplate { .. }
            | Action::DeleteSnapshot { .. }
            | Action::Migrate { .. }
    )
}
