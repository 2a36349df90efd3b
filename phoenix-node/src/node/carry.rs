//! Carrying tasks: each begins, takes its time or does its deeds, and ends.

use std::{
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

use super::Node;
use crate::{
    api,
    durations::real,
    real::{Deed, Real},
    state::now_ms,
    work::{Refused, Room},
};

impl Node {
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
        // Of many guests that it was to start, some may not run.
        if let Some(Err(error)) = self.real.as_ref().map(|real| real.look(state)) {
            tracing::warn!(%error, "the containers could not be looked at");
        }
        self.commit_or_log(state);
        drop(guard);
        self.changed.notify_waiters();
    }

    /// Returns what a task does to the machine; nothing on one that is simulated.
    fn work_to_do(&self, upid: &str) -> Option<ToDo> {
        let engine = self.real.clone()?;
        let is_walled = Real::is_walled(&self.state());
        Some(ToDo { engine, deeds: self.deeds(upid), is_walled })
    }
}

/// What a task does to the machine.
struct ToDo {
    engine: Arc<Real>,
    deeds: Result<Vec<Deed>, String>,
    is_walled: bool,
}

impl ToDo {
    /// Does it, and takes away what is half done if it fails. The node may be dropped meanwhile: the next process does
    /// it again.
    async fn carry(self, node: &Weak<Node>, upid: &str) -> Result<(), String> {
        let mut log = Vec::new();
        let may_start = |deed: &Deed| matches!(deed, Deed::Start(_) | Deed::Machine(_) | Deed::ForOne { .. });
        if self.is_walled && self.deeds.as_ref().is_ok_and(|deeds| deeds.iter().any(may_start)) {
            // Nobody starts before the rules that hold for him are there.
            log.extend(self.engine.wall(node).await.err());
        }
        let done = match self.deeds {
            Ok(deeds) => self.engine.carry(deeds, &mut log).await,
            Err(text) => Err(text),
        };
        let Some(node) = node.upgrade() else { return Ok(()) };
        if done.is_err() {
            let remains = node.remains(upid);
            if let Err(error) = self.engine.carry(remains, &mut log).await {
                log.push(format!("could not clean up: {error}"));
            }
        }
        node.note(upid, log);
        done
    }
}

impl Node {
    /// Writes lines into a task's log.
    fn note(&self, upid: &str, lines: Vec<String>) {
        let mut state = self.state();
        if let Some(task) = state.active.get_mut(upid) {
            task.log.extend(lines);
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
pub(super) async fn work_on(node: Weak<Node>, changed: Arc<Notify>, upid: String) {
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
                let deeds = match node.upgrade() {
                    Some(node) => node.work_to_do(&upid),
                    None => return,
                };
                let error = match deeds {
                    Some(work) => work.carry(&node, &upid).await.err(),
                    None => None,
                };
                let engine = node.upgrade().and_then(|node| {
                    node.finish(&upid, error);
                    node.real.clone()
                });
                if let Some(engine) = engine {
                    // It has told what is wrong.
                    let _ = engine.enforce(&node).await;
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
