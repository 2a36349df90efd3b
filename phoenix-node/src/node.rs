//! The node: its state behind the transport and the guest channel, and the workers that carry its tasks.

mod begin;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use phoenix_pve::transport::{Request, Response, Transport, TransportError};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

pub(crate) use crate::error::describe;
use crate::{
    api::{self, Asked, Caller, reply::Refusal},
    durations::{self, real},
    error::NodeError,
    fault::{Calls, Effect, Fault, Faults},
    files,
    options::Options,
    state::{State, guest::Guest, now_ms},
    store::{self, NodeFile, Store},
    work::{Refused, Room, recover},
};

/// An embedded Proxmox VE node.
#[derive(Debug)]
pub struct Node {
    me: Weak<Self>,
    state: Mutex<State>,
    store: Option<Store>,
    speed: f64,
    origin: Instant,
    /// Rings whenever a task begins or ends: those who wait for a lock look again.
    changed: Arc<Notify>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
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
        let state = store.load()?;
        Self::assemble(Some(store), state, options)
    }

    /// Returns a node that is gone when it is dropped. Must be called within a tokio runtime.
    pub fn in_memory(options: Options) -> Arc<Self> {
        Self::assemble(None, State::default(), options).expect("a node in memory writes nothing")
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
            used_by: store::holder(dir),
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

    fn assemble(store: Option<Store>, mut state: State, options: Options) -> Result<Arc<Self>, NodeError> {
        begin::begin(&mut state, &options.seed, None)?;
        recover(&mut state);
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
        });
        node.commit(&mut node.state())?;
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

    fn answer(&self, caller: &Caller, asked: &Asked) -> Result<Response, Refusal> {
        let mut state = self.state();
        let reply = api::route(&mut state, caller, asked);
        if let Err(busy @ Refusal::Busy(..)) = reply {
            return Err(busy);
        }
        let reply = match self.commit(&mut state) {
            Ok(()) => reply,
            Err(error) => Err(Refusal::failed(describe(&error))),
        };
        drop(state);
        self.changed.notify_waiters();
        Ok(api::reply::render(reply))
    }

    /// Lets a task begin; tells how long it takes, or that it must wait, or that it has ended.
    fn begin(&self, upid: &str) -> Begun {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(task) = state.active.get(upid) else { return Begun::Ended };
        if let Some(ends) = task.ends_ms {
            return Begun::Sleep(Duration::from_millis(ends.saturating_sub(now_ms())));
        }
        let Some(mut work) = task.work.clone() else { return Begun::Ended };
        let mut room = Room { upid, clock: self.clock(), log: Vec::new() };
        let begun = work.begin(state, &mut room);
        let log = room.log;
        if let Err(Refused::Busy(kind, vmid)) = begun {
            return Begun::Wait(api::reply::lock_timeout(kind, vmid));
        }
        if let Some(task) = state.active.get_mut(upid) {
            task.log.extend(log);
            task.work = Some(work.clone());
        }
        let result = match begun {
            Ok(millis) => {
                let time = real(millis, self.speed);
                if let Some(task) = state.active.get_mut(upid) {
                    task.ends_ms = Some(now_ms() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                }
                state.dirty.tasks.insert(upid.to_owned());
                Begun::Sleep(time)
            }
            Err(Refused::Failed(text)) => {
                work.abandon(state);
                state.end_task(upid, Err(text));
                Begun::Ended
            }
            Err(Refused::Busy(..)) => Begun::Ended,
        };
        self.commit_or_log(state);
        drop(guard);
        self.changed.notify_waiters();
        result
    }

    /// Ends a task, with its effect or with an error that came before.
    fn finish(&self, upid: &str, error: Option<String>) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(task) = state.active.get(upid) else { return };
        let (kind, id, work) = (task.kind.clone(), task.id.clone(), task.work.clone());
        let injected = self.faults.lock().unwrap_or_else(PoisonError::into_inner).on_task(&kind, &id);
        let mut log = Vec::new();
        let result = match (error.or(injected), &work) {
            (Some(text), _) => Err(text),
            (None, Some(work)) => work.finish(state, &mut log),
            (None, None) => Ok(()),
        };
        if let (Err(_), Some(work)) = (&result, &work) {
            work.abandon(state);
        }
        if let Some(task) = state.active.get_mut(upid) {
            task.log.extend(log);
        }
        state.end_task(upid, result);
        self.commit_or_log(state);
        drop(guard);
        self.changed.notify_waiters();
    }

    fn commit_or_log(&self, state: &mut State) {
        if let Err(error) = self.commit(state) {
            tracing::error!("{}", describe(&error));
        }
    }
}

/// How the beginning of a task went.
enum Begun {
    Sleep(Duration),
    Wait(String),
    Ended,
}

/// Carries a task to its end. Holds the node only weakly: who drops the node leaves its tasks to the next process.
async fn work_on(node: Weak<Node>, changed: Arc<Notify>, upid: String) {
    let mut until = None;
    loop {
        let ring = changed.notified();
        tokio::pin!(ring);
        ring.as_mut().enable();
        let (begun, patience) = match node.upgrade() {
            Some(node) => (node.begin(&upid), node.patience()),
            None => return,
        };
        match begun {
            Begun::Ended => return,
            Begun::Sleep(time) => {
                if !time.is_zero() {
                    sleep(time).await;
                }
                if let Some(node) = node.upgrade() {
                    node.finish(&upid, None);
                }
                return;
            }
            Begun::Wait(text) => {
                let until = *until.get_or_insert_with(|| Instant::now() + patience);
                if timeout_at(until, ring).await.is_err() {
                    if let Some(node) = node.upgrade() {
                        node.finish(&upid, Some(text));
                    }
                    return;
                }
            }
        }
    }
}

impl Node {
    /// Answers a call of somebody. Fails only if a fault loses it.
    pub(crate) async fn call(&self, caller: &Caller, asked: &Asked) -> Result<Response, TransportError> {
        let path = format!("/{}", asked.path.join("/"));
        let sent: usize = asked.params.iter().map(|(key, value)| key.len() + value.size() + 2).sum();
        self.count(1, path.len() + sent);
        let effect = self.faults.lock().unwrap_or_else(PoisonError::into_inner).on_call(asked.method, &path);
        let lost = |message: &str, may_have_arrived| TransportError {
            method: asked.method.as_str(),
            path: path.clone(),
            message: message.to_owned(),
            may_have_arrived,
        };
        let mut lose_reply = false;
        match effect {
            None | Some(Effect::FailTask(_)) => {}
            Some(Effect::Answer { status, reason }) => {
                return Ok(api::reply::render(Err(Refusal::Failed(status, reason))));
            }
            Some(Effect::LoseRequest) => return Err(lost("connection refused", false)),
            Some(Effect::LoseReply) => lose_reply = true,
            Some(Effect::Delay(time)) => sleep(time).await,
        }
        let until = Instant::now() + self.patience();
        let response = loop {
            let ring = self.changed.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            match self.answer(caller, asked) {
                Ok(response) => break response,
                Err(busy) => {
                    if timeout_at(until, ring).await.is_err() {
                        break api::reply::render(Err(busy));
                    }
                }
            }
        };
        self.count(0, response.body.len() + response.reason.len());
        if lose_reply { Err(lost("connection reset by peer", true)) } else { Ok(response) }
    }

    fn count(&self, calls: u64, bytes: usize) {
        let mut sum = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        sum.count += calls;
        sum.bytes += bytes as u64;
    }
}

/// Whoever holds the node in process is its administrator.
#[async_trait]
impl Transport for Node {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let path = request.path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let params = api::gather(request.params.into_iter());
        self.call(&Caller::root(), &Asked { method: request.method, path, params, upload: None }).await
    }
}
