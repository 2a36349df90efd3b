//! Watching real containers: one that ends by itself is seen to have ended.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use super::Node;
use crate::{real::Disks, state::State};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(2);

/// Looks again and again, for as long as the node lives.
pub(super) fn begin(node: &Arc<Node>) {
    tokio::spawn(watch(Arc::downgrade(node)));
}

async fn watch(node: Weak<Node>) {
    loop {
        sleep(INTERVAL).await;
        let Some(node) = node.upgrade() else { return };
        let Some(real) = node.real.clone() else { return };
        let trash = {
            let mut state = node.state();
            if let Err(error) = real.look(&mut state) {
                tracing::warn!(%error, "the guests could not be looked at");
                continue;
            }
            node.commit_or_log(&mut state);
            trash_of(&state)
        };
        // It has told what is wrong.
        let _ = real.enforce(&node.me).await;
        for (kind, vmid, volids) in trash {
            let removed = real.clear(kind, &volids).await;
            if let Err(error) = removed {
                tracing::warn!(%error, vmid, "the data of former volumes could not be removed");
                continue;
            }
            let mut state = node.state();
            if let Some(guest) = state.guests.get_mut(&vmid) {
                guest.trash.retain(|volid| !volids.contains(volid));
                state.dirty.guests.insert(vmid);
            }
            node.commit_or_log(&mut state);
        }
    }
}

/// Returns the former volumes of guests that no task works on.
fn trash_of(state: &State) -> Vec<(Disks, u32, Vec<String>)> {
    let busy: Vec<u32> =
        state.active.values().filter_map(|task| task.work.as_ref()).flat_map(|work| work.guests()).collect();
    let guests = state.guests.values().filter(|guest| !guest.trash.is_empty() && !busy.contains(&guest.vmid));
    guests.map(|guest| (Disks::of(guest), guest.vmid, guest.trash.iter().cloned().collect())).collect()
}
