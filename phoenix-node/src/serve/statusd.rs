//! The status daemon: it looks at the guests every ten seconds of the node's time, and the rows of the cluster's
//! resources say what it saw. A node that answers as slowly as a real one also knows as late.

use std::{sync::Weak, time::Duration};

use crate::{api, node::Node};

/// How long it waits from look to look.
const PERIOD: Duration = Duration::from_secs(10);

/// Looks until the node is gone.
pub(super) async fn run(node: Weak<Node>) {
    while let Some(node) = node.upgrade() {
        api::look(&mut node.state());
        // In a time that runs without end this still lets others work.
        tokio::task::yield_now().await;
        let pause = node.real(PERIOD).max(Duration::from_millis(100));
        drop(node);
        tokio::time::sleep(pause).await;
    }
}
