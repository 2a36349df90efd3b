//! Where guests are: PVE has no call that finds one guest, so all are looked up at once and remembered.

use std::collections::BTreeMap;

use phoenix_core::{GuestId, Vmid};
use tokio::sync::Mutex;

use crate::{client::Client, error::PveError, lenient};

/// Where guests were last seen.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<BTreeMap<Vmid, (GuestId, String)>>);

impl Places {
    /// Returns the node that a guest is on; none if it is nowhere.
    pub(super) async fn find(&self, client: &Client, guest: GuestId) -> Result<Option<String>, PveError> {
        // Held during the call: who else does not know where his guest is waits for the same answer.
        let mut places = self.0.lock().await;
        if let Some(node) = known(&places, guest) {
            return Ok(Some(node));
        }
        let params = vec![("type".to_owned(), "vm".to_owned())];
        let data = client.get("/cluster/resources", params).await?;
        *places = lenient::items(&data)
            .iter()
            .filter_map(|row| lenient::guest(row, None, None))
            .map(|row| (row.guest.vmid, (row.guest, row.node)))
            .collect();
        Ok(known(&places, guest))
    }

    /// Forgets where a guest is.
    pub(super) async fn forget(&self, guest: GuestId) {
        self.0.lock().await.remove(&guest.vmid);
    }
}

fn known(places: &BTreeMap<Vmid, (GuestId, String)>, guest: GuestId) -> Option<String> {
    places.get(&guest.vmid).filter(|(known, _)| *known == guest).map(|(_, node)| node.clone())
}
