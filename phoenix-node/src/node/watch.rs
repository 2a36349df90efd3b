//! Watching real containers: one that ends by itself is seen to have ended.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use super::Node;

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
        let mut state = node.state();
        if let Err(error) = real.look(&mut state) {
            tracing::warn!(%error, "the containers could not be looked at");
            continue;
        }
        node.commit_or_log(&mut state);
    }
}
