//! The engine of real containers: what tasks do to this machine beside what they write into the state. A task begins on
//! the state as in the simulation, its deeds are done, and then it finishes on the state; so locks, statuses and logs are
//! the same on both engines.

mod agent;
mod archives;
mod channel;
mod deeds;
mod firewall;
mod guise;
mod limits;
mod machines;
mod spec;
mod volumes;

use std::sync::{Mutex, PoisonError};

use phoenix_core::GuestKind;
use phoenix_pve::channel::LiveChannel;
use phoenix_sandbox::{Containers, CopyOf, Machines, SandboxError};

pub(crate) use agent::{Errand, Inquiry};
pub(crate) use deeds::Deed;

use crate::{
    node::Node,
    state::{State, guest::Guest},
    work::{HostJob, Work, bulk::Bulk, halt},
};

/// The containers of a node, and the way into them.
pub(crate) struct Real {
    pub(crate) containers: Containers,
    pub(crate) machines: Machines,
    /// The programs that run in machines that are containers.
    runs: agent::Runs,
    /// The limits that the running ones were given.
    limits: limits::Limits,
    /// The rules that traffic is held to.
    firewall: firewall::Enforcer,
    /// The way in, for the sandbox that a process of this number holds.
    way: Mutex<Option<(i32, std::sync::Arc<LiveChannel>)>>,
    /// The same, to where the services of the host are.
    host_way: Mutex<Option<(i32, std::sync::Arc<LiveChannel>)>>,
}

impl std::fmt::Debug for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Real").field("containers", &self.containers).finish_non_exhaustive()
    }
}

impl Real {
    pub(crate) fn new(containers: Containers) -> Self {
        let machines = Machines::new(containers.clone());
        Self {
            containers,
            machines,
            runs: agent::Runs::default(),
            limits: limits::Limits::default(),
            firewall: firewall::Enforcer::default(),
            way: Mutex::default(),
            host_way: Mutex::default(),
        }
    }

    /// Does deeds in their order.
    pub(crate) async fn carry(&self, deeds: Vec<Deed>, log: &mut Vec<String>) -> Result<(), String> {
        self.all(deeds, log).await.map_err(|error| error.to_string())
    }

    async fn all(&self, deeds: Vec<Deed>, log: &mut Vec<String>) -> Result<(), SandboxError> {
        for deed in deeds {
            self.perform(deed, log).await?;
        }
        Ok(())
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
            Deed::Machine(deed) => deed.perform(&self.machines, log).await,
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
            Deed::Rename { from, to } => self.containers.disks().await?.rename(&from, &to).await,
            Deed::Remove { disks } => self.containers.remove(&disks).await,
            Deed::BackUp { archive, config } => {
                let made = self.containers.back_up(&archive, &config).await;
                made.map_err(|error| {
                    log.push(format!("ERROR: Backup of VM {} failed - {error}", archive.vmid));
                    log.push("INFO: Backup job finished with errors".to_owned());
                    SandboxError::Wrong("job errors".to_owned())
                })
            }
            Deed::Unpack { archive, news } => {
                self.containers.unpack(&archive, &news).await.map_err(|error| {
                    SandboxError::Wrong(format!("unable to restore CT {} - {error}", archive.vmid))
                })
            }
            Deed::CopyArchive { from, to } => self.containers.copy_archive(&from, &to).await,
            Deed::Rollback { id, name } => self.containers.disks().await?.rollback(&id, &name).await,
            Deed::ForOne { who, deeds } => {
                let done = match deeds {
                    Ok(deeds) => Box::pin(self.all(deeds, log)).await.map_err(|error| error.to_string()),
                    Err(text) => Err(text),
                };
                log.extend(done.err().map(|text| format!("{who}: {text}")));
                Ok(())
            }
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

    /// Removes the data of volumes.
    pub(crate) async fn clear(&self, whose: Disks, volids: &[String]) -> Result<(), SandboxError> {
        let ids: Vec<String> = volids.iter().map(|volid| spec::disk_id(volid)).collect();
        match whose {
            Disks::Containers => self.containers.disks().await?.remove(&ids).await,
            Disks::Machines => self.machines.remove_disks(&ids).await,
        }
    }

    /// Brings into the state what is so on the machine: which containers run, for those that no task works on; and the
    /// limits of those in line with the state.
    pub(crate) fn look(&self, state: &mut State) -> Result<(), SandboxError> {
        let (containers, machines) = (self.containers.running()?, self.machines.running()?);
        let is_up = |guest: &Guest| match guest.kind {
            GuestKind::Vm if !guest.as_container => machines.contains(&guest.vmid),
            GuestKind::Vm | GuestKind::Lxc => containers.contains(&guest.vmid),
        };
        let busy: Vec<u32> = state
            .active
            .values()
            .filter_map(|task| task.work.as_ref())
            .flat_map(|work| work.guests())
            .collect();
        let wrong: Vec<(GuestKind, u32)> = state
            .guests
            .values()
            .filter(|guest| !busy.contains(&guest.vmid) && guest.running != is_up(guest))
            .map(|guest| (guest.kind, guest.vmid))
            .collect();
        for (kind, vmid) in wrong {
            let Some(guest) = state.guest_mut(kind, vmid) else { continue };
            if is_up(guest) {
                guest.running = true;
                guest.started = crate::state::now();
            } else {
                halt(guest);
            }
        }
        archives::sweep(&self.containers, state);
        let idle = containers.into_iter().filter(|vmid| !busy.contains(vmid)).collect();
        self.limits.follow(state, &idle, &self.containers);
        Ok(())
    }
}

impl Node {
    /// Does on this machine what a task does beside its effect on the state.
    pub(crate) fn deeds(&self, upid: &str) -> Result<Vec<Deed>, String> {
        let state = self.state();
        let Some(task) = state.active.get(upid) else { return Ok(Vec::new()) };
        task.work.as_ref().map_or(Ok(Vec::new()), |work| deeds_of(work, &state))
    }

    /// Returns what takes away what a task has left half done on this machine.
    pub(crate) fn remains(&self, upid: &str) -> Vec<Deed> {
        let state = self.state();
        let work = state.active.get(upid).and_then(|task| task.work.as_ref());
        let Some(work) = work else { return Vec::new() };
        match guise_of(work, &state) {
            None => deeds::after_failure(work, &state),
            Some(Guise::Container) => guise::after_failure(work, &state),
            Some(Guise::Machine) => {
                machines::after_failure(work, &state).into_iter().map(Deed::Machine).collect()
            }
        }
    }
}

/// Whose disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disks {
    Containers,
    Machines,
}

impl Disks {
    pub(crate) fn of(guest: &Guest) -> Self {
        match guest.kind {
            GuestKind::Vm if !guest.as_container => Self::Machines,
            GuestKind::Vm | GuestKind::Lxc => Self::Containers,
        }
    }
}

/// What a virtual machine is here.
enum Guise {
    Machine,
    Container,
}

/// Returns what the machine is that a task works on; nothing if it works on a container, or on many guests.
fn guise_of(work: &Work, state: &State) -> Option<Guise> {
    let vmids = work.guests();
    let guest = vmids.iter().find_map(|vmid| state.guest(GuestKind::Vm, *vmid))?;
    match work {
        Work::Bulk { .. } | Work::Dump(_) => None,
        _ if guest.as_container => Some(Guise::Container),
        _ => Some(Guise::Machine),
    }
}

/// Returns what a task does to the machine.
fn deeds_of(work: &Work, state: &State) -> Result<Vec<Deed>, String> {
    match guise_of(work, state) {
        Some(Guise::Container) => return guise::of(work, state),
        Some(Guise::Machine) => {
            return Ok(machines::of(work, state)?.into_iter().map(Deed::Machine).collect());
        }
        None => {}
    }
    let mut deeds = deeds::of(work, state)?;
    // Of many guests, those that are machines each get what a task of their own would do.
    let (vmids, starts) = match work {
        Work::Host(HostJob::StartAll { vmids }) | Work::Bulk { how: Bulk::Start, vmids, .. } => (vmids, true),
        Work::Host(HostJob::StopAll { vmids }) | Work::Bulk { how: Bulk::Shutdown, vmids, .. } => {
            (vmids, false)
        }
        _ => return Ok(deeds),
    };
    for guest in vmids.iter().filter_map(|vmid| state.guest(GuestKind::Vm, *vmid)) {
        let (kind, vmid) = (GuestKind::Vm, guest.vmid);
        let own = match starts {
            true => Work::Start { kind, vmid, skiplock: false },
            false => Work::Stop { kind, vmid, clean: true, skiplock: false, timeout: None, force: true },
        };
        if guest.running != starts {
            deeds.push(Deed::ForOne { who: format!("VM {vmid}"), deeds: deeds_of(&own, state) });
        }
    }
    Ok(deeds)
}
