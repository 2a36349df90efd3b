//! The guard of a node's network: what it was before a change comes back by itself, unless the guard is ended before.

use std::{sync::Weak, time::Duration};

use phoenix_core::{BackendError, ErrorKind};
use phoenix_pve::{Guard, Guarded, channel::reverted};

use super::Node;
use crate::{error::describe, state::host::NetworkGuard};

impl Node {
    /// Begins, renews or ends the guard of a node's network.
    pub(crate) fn guard_interfaces(&self, node: &str, guard: Guard) -> Result<(), BackendError> {
        let mut state = self.state();
        if node != state.name && !state.peers.contains(node) {
            let message = format!("the cluster has no node `{node}`");
            return Err(BackendError::new(ErrorKind::Unreachable, message));
        }
        let host = state.host_of(node);
        let result = match guard {
            Guard::Begin { .. } if host.next_network.is_some() => {
                let message = "changes of the interfaces are pending";
                return Err(BackendError::new(ErrorKind::Failed, message));
            }
            Guard::Begin { seconds } | Guard::Renew { seconds } => {
                let number = host.guard.as_ref().map_or(1, |guard| guard.number + 1);
                let saved = host.guard.map_or(host.network, |guard| guard.saved);
                let guard = NetworkGuard { saved, seconds, number };
                state.change_host(node, |host| {
                    host.guard = Some(guard);
                    host.is_reverted = false;
                });
                self.await_network(node, seconds, number);
                Ok(())
            }
            Guard::End => {
                state.change_host(node, |host| {
                    host.guard = None;
                    host.is_reverted = false;
                });
                if host.is_reverted { Err(reverted(&Guarded::Interfaces)) } else { Ok(()) }
            }
        };
        self.commit(&mut state).map_err(|error| BackendError::new(ErrorKind::Failed, describe(&error)))?;
        result
    }

    /// Waits anew for the guards that there are.
    pub(super) fn resume_network_guards(&self) {
        let state = self.state();
        let nodes: Vec<String> = state.peers.iter().chain([&state.name]).cloned().collect();
        let guards: Vec<_> =
            nodes.into_iter().filter_map(|node| Some((state.host_of(&node).guard?, node))).collect();
        drop(state);
        for (guard, node) in guards {
            self.await_network(&node, guard.seconds, guard.number);
        }
    }

    fn await_network(&self, node: &str, seconds: u32, number: u64) {
        let time = Duration::from_secs(u64::from(seconds));
        let time = if self.speed.is_finite() { self.real(time) } else { time };
        tokio::spawn(wait(self.me.clone(), time, node.to_owned(), number));
    }

    fn put_network_back(&self, node: &str, number: u64) {
        let mut state = self.state();
        let Some(guard) = state.host_of(node).guard.filter(|guard| guard.number == number) else { return };
        tracing::warn!(node, "nobody has confirmed the network: it is put back");
        state.change_host(node, |host| {
            host.next_network = Some(guard.saved);
            host.guard = None;
            host.is_reverted = true;
        });
        state.apply_network(node);
        self.commit_or_log(&mut state);
        drop(state);
        self.changed.notify_waiters();
    }
}

async fn wait(node: Weak<Node>, time: Duration, name: String, number: u64) {
    tokio::time::sleep(time).await;
    if let Some(node) = node.upgrade() {
        node.put_network_back(&name, number);
    }
}
