//! The node: its state behind the transport and the guest channel, and the workers that carry its tasks.

mod begin;
mod calls;
mod carry;
mod guard;
mod network_guard;
mod outside;
mod reboot;
mod watch;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use carry::work_on;
use phoenix_pve::transport::Response;
use phoenix_sandbox::Containers;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

pub(crate) use crate::error::describe;
use crate::{
    api::{self, Asked, Caller, reply::Refusal},
    durations::{self, real},
    error::NodeError,
    fault::{Calls, Fault, Faults},
    files, lock,
    options::{MachineMode, Options},
    real::{Errand, Real},
    state::{State, guest::Guest},
    store::{self, NodeFile, Store},
    work::recover,
};

/// An embedded Proxmox VE node.
#[derive(Debug)]
pub struct Node {
    pub(crate) me: Weak<Self>,
    state: Mutex<State>,
    store: Option<Store>,
    speed: f64,
    origin: Instant,
    /// Rings whenever a task begins or ends: those who wait for a lock look again.
    changed: Arc<Notify>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
    /// What makes tasks real; nothing simulates them.
    pub(crate) real: Option<Arc<Real>>,
}

/// What a call leads to.
enum Answered {
    Now(Response),
    /// The agent of a machine is asked.
    Later(Arc<Real>, Errand),
}

impl Answered {
    async fn wait(self) -> Response {
        match self {
            Self::Now(response) => response,
            Self::Later(real, errand) => api::reply::render(real.run(errand).await),
        }
    }
}

/// What a node directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The node's name.
    pub name: String,
    /// Its guests, templates among them.
    pub guests: usize,
    /// How many of them run.
    pub running: usize,
    /// How many of them are templates.
    pub templates: usize,
    /// Tasks that are not finished.
    pub tasks: usize,
    /// The process that uses the directory now, if one does.
    pub used_by: Option<String>,
}

impl Node {
    /// Opens a node directory, or makes one. Waits a few seconds for another process to let go of it. Tasks that
    /// were running when their process ended go on. Must be called within a tokio runtime.
    pub async fn open(dir: &Path, options: Options) -> Result<Arc<Self>, NodeError> {
        let store = Store::open(dir).await?;
        store.claim(false)?;
        let state = store.load()?;
        Self::assemble(Some(store), state, options, None)
    }

    /// The same over real containers on this machine: tasks take the time that they take.
    pub async fn open_real(
        dir: &Path,
        options: Options,
        containers: Containers,
    ) -> Result<Arc<Self>, NodeError> {
        let store = Store::open(dir).await?;
        store.claim(true)?;
        let state = store.load()?;
        let options = Options { speed: f64::INFINITY, ..options };
        let node = Self::assemble(Some(store), state, options, Some(Real::new(containers)))?;
        watch::begin(&node);
        Ok(node)
    }

    /// Returns a node that is gone when it is dropped. Must be called within a tokio runtime.
    pub fn in_memory(options: Options) -> Arc<Self> {
        Self::assemble(None, State::default(), options, None).expect("a node in memory writes nothing")
    }

    /// Returns where the node of a directory has its real containers.
    pub fn sandbox_dir(dir: &Path) -> PathBuf {
        store::sandbox_dir(dir)
    }

    /// Removes a node directory; tells whether there was one. Touches nothing that no node has made.
    pub async fn reset(dir: &Path) -> Result<bool, NodeError> {
        store::reset(dir).await
    }

    /// Looks into a node directory without opening it; nothing if there is none.
    pub fn status(dir: &Path) -> Result<Option<Status>, NodeError> {
        if !dir.exists() {
            return Ok(None);
        }
        store::check_version(dir, false)?;
        let node: NodeFile = files::read(&dir.join("node.json"))?.unwrap_or_default();
        let mut status = Status {
            name: node.name,
            guests: 0,
            running: 0,
            templates: 0,
            tasks: files::list(&dir.join("tasks/active"))?.len(),
            used_by: lock::holder(dir),
        };
        for path in files::list(&dir.join("guests"))? {
            let Some(guest) = files::read::<Guest>(&path)? else { continue };
            status.guests += 1;
            status.running += usize::from(guest.running);
            status.templates += usize::from(guest.is_template());
        }
        Ok(Some(status))
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Returns how many faults have not struck as often as they shall.
    pub fn faults_left(&self) -> usize {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).left()
    }

    /// Returns how many calls were made, and how many bytes they were.
    pub fn calls(&self) -> Calls {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the virtual machines that containers stand for.
    pub fn machines_as_containers(&self) -> BTreeSet<u32> {
        self.state().guests.values().filter(|guest| guest.as_container).map(|guest| guest.vmid).collect()
    }

    /// Returns the node's name.
    pub fn name(&self) -> String {
        self.state().name.clone()
    }

    /// Lets the cluster have at least so many nodes, all simulated here. Fails if that cannot be written down.
    pub fn grow_cluster(&self, nodes: u32) -> Result<(), NodeError> {
        let mut state = self.state();
        state.grow_cluster(nodes);
        self.commit(&mut state)
    }

    /// Returns the node's directory; a node in memory has none.
    pub(crate) fn dir(&self) -> Option<&Path> {
        self.store.as_ref().map(Store::dir)
    }

    fn assemble(
        store: Option<Store>,
        mut state: State,
        options: Options,
        real: Option<Real>,
    ) -> Result<Arc<Self>, NodeError> {
        state.is_real = real.is_some();
        begin::begin(&mut state, &options.seed, None)?;
        recover(&mut state);
        state.machines_as_containers = real.is_some() && options.machines == MachineMode::Containers;
        if let Some(real) = &real {
            real.look(&mut state).map_err(|source| NodeError::Engine { source })?;
        }
        let running: Vec<String> = state.active.keys().cloned().collect();
        let node = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            state: Mutex::new(state),
            store,
            speed: options.speed,
            origin: Instant::now(),
            changed: Arc::new(Notify::new()),
            faults: Mutex::default(),
            calls: Mutex::default(),
            real: real.map(Arc::new),
        });
        node.commit(&mut node.state())?;
        node.resume_guards();
        node.resume_network_guards();
        for upid in running {
            tokio::spawn(work_on(node.me.clone(), Arc::clone(&node.changed), upid));
        }
        Ok(node)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets virtual time pass.
    pub(crate) async fn pass(&self, millis: u64) {
        let time = real(millis, self.speed);
        if !time.is_zero() {
            sleep(time).await;
        }
    }

    /// Returns how long so much of the node's time really is.
    pub(crate) fn real(&self, time: Duration) -> Duration {
        real(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), self.speed)
    }

    /// Lets as much virtual time pass.
    pub(crate) async fn wait(&self, time: Duration) {
        self.pass(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).await;
    }

    /// Writes what changed, and lets workers take up new tasks.
    pub(crate) fn commit(&self, state: &mut State) -> Result<(), NodeError> {
        state.settle_usage();
        if !state.is_real {
            // There is no data that could outlive a volume.
            let State { guests, dirty, .. } = &mut *state;
            for vmid in &dirty.guests {
                if let Some(guest) = guests.get_mut(vmid) {
                    guest.trash.clear();
                }
            }
        }
        let waiting = std::mem::take(&mut state.waiting);
        let saved = match &self.store {
            Some(store) => store.save(state),
            None => {
                state.dirty = crate::state::Dirty::default();
                Ok(())
            }
        };
        for upid in waiting {
            tokio::spawn(work_on(self.me.clone(), Arc::clone(&self.changed), upid));
        }
        saved
    }

    /// Returns the node's virtual time in milliseconds.
    fn clock(&self) -> u64 {
        let speed = if self.speed.is_finite() && self.speed > 0.0 { self.speed } else { 1.0 };
        u64::try_from(self.origin.elapsed().mul_f64(speed).as_millis()).unwrap_or(u64::MAX)
    }

    /// How long PVE waits for the lock of a configuration file.
    fn patience(&self) -> Duration {
        real(durations::LOCK_WAIT, self.speed).max(Duration::from_secs(1))
    }

    fn answer(&self, caller: &Caller, asked: &Asked) -> Result<Answered, Refusal> {
        let mut state = self.state();
        state.errand = None;
        let reply = api::route(&mut state, caller, asked);
        if let Err(busy @ Refusal::Busy(..)) = reply {
            return Err(busy);
        }
        let reply = match self.commit(&mut state) {
            Ok(()) => reply,
            Err(error) => Err(Refusal::failed(describe(&error))),
        };
        let errand = state.errand.take();
        drop(state);
        self.changed.notify_waiters();
        Ok(match (reply, errand, &self.real) {
            (Ok(_), Some(errand), Some(real)) => Answered::Later(Arc::clone(real), errand),
            (reply, _, _) => Answered::Now(api::reply::render(reply)),
        })
    }

    fn commit_or_log(&self, state: &mut State) {
        if let Err(error) = self.commit(state) {
            tracing::error!("{}", describe(&error));
        }
    }
}
