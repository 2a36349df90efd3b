//! The engine of real containers: what tasks do to this machine beside what they write into the state. A task begins on
//! the state as in the simulation, its deeds are done, and then it finishes on the state; so locks, statuses and logs are
//! the same on both engines.

mod channel;
mod deeds;
mod limits;
mod spec;

use std::sync::{Mutex, PoisonError};

use phoenix_core::GuestKind;
use phoenix_pve::channel::LiveChannel;
use phoenix_sandbox::{Containers, CopyOf, SandboxError};

pub(crate) use deeds::{Deed, after_failure, of};

use crate::{node::Node, state::State, work::halt};

/// The containers of a node, and the way into them.
pub(crate) struct Real {
    pub(crate) containers: Containers,
    /// The limits that the running ones were given.
    limits: limits::Limits,
    /// The way in, for the sandbox that a process of this number holds.
    way: Mutex<Option<(i32, std::sync::Arc<LiveChannel>)>>,
}

impl std::fmt::Debug for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Real").field("containers", &self.containers).finish_non_exhaustive()
    }
}

impl Real {
    pub(crate) fn new(containers: Containers) -> Self {
        Self { containers, limits: limits::Limits::default(), way: Mutex::default() }
    }

    /// Does deeds in their order.
    pub(crate) async fn carry(&self, deeds: Vec<Deed>) -> Result<Vec<String>, String> {
        let mut log = Vec::new();
        for deed in deeds {
            self.perform(deed, &mut log).await.map_err(|error| error.to_string())?;
        }
        Ok(log)
    }

    async fn perform(&self, deed: Deed, log: &mut Vec<String>) -> Result<(), SandboxError> {
        match deed {
            Deed::Image { name } => {
                let progress = Mutex::new(Vec::new());
                let note = |line: String| progress.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                let made = self.containers.images().tarball(&name, note).await;
                log.extend(progress.into_inner().unwrap_or_else(PoisonError::into_inner));
                made.map(drop)
            }
            Deed::Start(spec) => self.containers.start(&spec).await,
            Deed::Stop { vmid, patience, force } => match self.containers.stop(vmid, patience).await {
                Err(error) if patience.is_some() && force => {
                    log.push(format!("container did not stop ({error}), ending it"));
                    self.containers.stop(vmid, None).await
                }
                ended => ended,
            },
            Deed::Destroy { vmid, disks } => self.containers.destroy(vmid, &disks).await,
            Deed::CreateRoot { id, image, new, keys } => {
                self.containers.create_root(&id, &image, &new).await?;
                self.tell_of_limits(&id, new.size, log).await?;
                match keys {
                    Some(keys) => self.containers.disks().await?.authorize(&id, &keys),
                    None => Ok(()),
                }
            }
            Deed::CreateVolume { id, new } => {
                self.containers.disks().await?.create_volume(&id, &new).await?;
                self.tell_of_limits(&id, new.size, log).await
            }
            Deed::Copy { from, to, snapshot, vmid, kind, size } => {
                let in_use = self.containers.in_use(vmid).await?;
                let what = CopyOf { from, snapshot, in_use, kind, size };
                self.containers.disks().await?.copy(&to, &what).await
            }
            Deed::Resize { id, size } => {
                self.containers.disks().await?.resize(&id, size).await?;
                self.tell_of_limits(&id, size, log).await
            }
            Deed::Snapshot { id, name, vmid } => {
                let in_use = self.containers.in_use(vmid).await?;
                self.containers.disks().await?.snapshot(&id, &name, in_use).await
            }
            Deed::DeleteSnapshot { id, name } => {
                self.containers.disks().await?.delete_snapshot(&id, &name).await
            }
            Deed::Rollback { id, name } => self.containers.disks().await?.rollback(&id, &name).await,
        }
    }

    /// Says so where nothing holds a disk to its size.
    async fn tell_of_limits(&self, id: &str, size: u64, log: &mut Vec<String>) -> Result<(), SandboxError> {
        let disk = self.containers.disks().await?.read(id)?;
        if size > 0 && disk.is_some_and(|disk| !disk.is_held()) {
            let why = self.containers.no_limits();
            let why = why.unwrap_or_else(|| "it was made without a pool".to_owned());
            log.push(format!("the size of `{id}` is written down and not held: {why}"));
        }
        Ok(())
    }

    /// Brings into the state what is so on the machine: which containers run, for those that no task works on; and the
    /// limits of those in line with the state.
    pub(crate) fn look(&self, state: &mut State) -> Result<(), SandboxError> {
        let running = self.containers.running()?;
        let busy: Vec<u32> = state
            .active
            .values()
            .filter_map(|task| task.work.as_ref())
            .flat_map(|work| work.guests())
            .collect();
        let wrong: Vec<u32> = state
            .guests
            .values()
            .filter(|guest| guest.kind == GuestKind::Lxc && !busy.contains(&guest.vmid))
            .filter(|guest| guest.running != running.contains(&guest.vmid))
            .map(|guest| guest.vmid)
            .collect();
        for vmid in wrong {
            let Some(guest) = state.guest_mut(GuestKind::Lxc, vmid) else { continue };
            if running.contains(&vmid) {
                guest.running = true;
                guest.started = crate::state::now();
            } else {
                halt(guest);
            }
        }
        let idle = running.into_iter().filter(|vmid| !busy.contains(vmid)).collect();
        self.limits.follow(state, &idle, &self.containers);
        Ok(())
    }
}

impl Node {
    /// Does on this machine what a task does beside its effect on the state.
    pub(crate) fn deeds(&self, upid: &str) -> Result<Vec<Deed>, String> {
        let state = self.state();
        let Some(task) = state.active.get(upid) else { return Ok(Vec::new()) };
        task.work.as_ref().map_or(Ok(Vec::new()), |work| of(work, &state))
    }

    /// Returns what takes away what a task has left half done on this machine.
    pub(crate) fn remains(&self, upid: &str) -> Vec<Deed> {
        let state = self.state();
        let work = state.active.get(upid).and_then(|task| task.work.as_ref());
        work.map(|work| after_failure(work, &state)).unwrap_or_default()
    }
}
