//! The guard of firewalls: what one was before a change comes back by itself, unless the guard is ended before. A node whose
//! process ends meanwhile waits anew when it is opened again.

use std::{sync::Weak, time::Duration};

use phoenix_core::{BackendError, ErrorKind, FirewallScope};
use phoenix_pve::{Guard, channel::reverted};

use super::Node;
use crate::{
    error::describe,
    state::{State, firewall::Guarded},
};

impl Node {
    /// Begins, renews or ends the guard of a firewall.
    pub(crate) fn guard_firewall(
        &self,
        node: &str,
        scope: &FirewallScope,
        guard: Guard,
    ) -> Result<(), BackendError> {
        let mut guard_of = self.state();
        let state = &mut *guard_of;
        if node != state.name && !state.peers.contains(node) {
            let message = format!("the cluster has no node `{node}`");
            return Err(BackendError::new(ErrorKind::Unreachable, message));
        }
        let result = match guard {
            Guard::Begin { seconds } => self.begin_guard(state, scope, seconds, None),
            Guard::Renew { seconds } => {
                let known = state.firewall.guards.remove(scope);
                self.begin_guard(state, scope, seconds, known)
            }
            Guard::End => {
                state.firewall.guards.remove(scope);
                if state.firewall.reverted.remove(scope) {
                    Err(reverted(&phoenix_pve::Guarded::Firewall(scope.clone())))
                } else {
                    Ok(())
                }
            }
        };
        self.commit(state).map_err(|error| BackendError::new(ErrorKind::Failed, describe(&error)))?;
        result
    }

    fn begin_guard(
        &self,
        state: &mut State,
        scope: &FirewallScope,
        seconds: u32,
        known: Option<Guarded>,
    ) -> Result<(), BackendError> {
        let saved = known.map_or_else(|| state.firewall.of(scope), |known| known.saved);
        let all = &mut *state.firewall;
        all.guard_count += 1;
        all.reverted.remove(scope);
        all.guards.insert(scope.clone(), Guarded { saved, seconds, number: all.guard_count });
        self.await_guard(scope.clone(), seconds, all.guard_count);
        Ok(())
    }

    /// Waits anew for the guards that there are.
    pub(super) fn resume_guards(&self) {
        let guards = self.state().firewall.guards.clone();
        for (scope, Guarded { seconds, number, .. }) in guards {
            self.await_guard(scope, seconds, number);
        }
    }

    /// Puts back what a firewall was, and tells whether it did: nobody has ended or renewed the guard.
    fn put_back(&self, scope: FirewallScope, number: u64) -> bool {
        let mut state = self.state();
        if state.firewall.guards.get(&scope).is_none_or(|guarded| guarded.number != number) {
            return false;
        }
        let Some(Guarded { saved, .. }) = state.firewall.guards.remove(&scope) else { return false };
        tracing::warn!(%scope, "nobody has confirmed the firewall: it is put back");
        state.firewall.put(&scope, saved);
        state.firewall.reverted.insert(scope);
        self.commit_or_log(&mut state);
        drop(state);
        self.changed.notify_waiters();
        true
    }

    fn await_guard(&self, scope: FirewallScope, seconds: u32, number: u64) {
        let time = Duration::from_secs(u64::from(seconds));
        // Where tasks take no time, or the time that they take, the clock is the only one that there is.
        let time = if self.speed.is_finite() { self.real(time) } else { time };
        tokio::spawn(put_back(self.me.clone(), time, scope, number));
    }
}

async fn put_back(node: Weak<Node>, time: Duration, scope: FirewallScope, number: u64) {
    tokio::time::sleep(time).await;
    let Some(node) = node.upgrade() else { return };
    let is_back = node.put_back(scope, number);
    if let Some(real) = node.real.as_ref().filter(|_| is_back) {
        // It has told what is wrong.
        let _ = real.enforce(&node.me).await;
    }
}
