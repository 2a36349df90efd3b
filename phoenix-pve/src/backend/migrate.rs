//! Migration: a guest is brought to another node with its local disks. A container that runs is restarted there, a
//! virtual machine moves while it runs. It is there when the cluster says so: a guest under high availability is
//! moved by another task than the one that is answered.

use std::time::Duration;

use phoenix_core::{BackendError, ErrorKind, GuestId};
use proxmox_api::nodes::node;
use tokio::time::Instant;

use super::{PveBackend, guest::Typed, missing, perform::Work};

/// How long the cluster may take to name the new node after the task has ended.
const ARRIVAL: Duration = Duration::from_secs(600);

impl PveBackend {
    pub(super) async fn migrate(
        &self,
        guest: GuestId,
        target: &str,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        if self.is_on(guest, target).await? {
            return Ok(());
        }
        let is_running = self.is_running(guest).await?.ok_or_else(|| missing(guest))?;
        let upid = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                let mut params = node::lxc::vmid::migrate::PostParams::new(target.to_owned());
                params.restart = is_running.then_some(true);
                client.migrate().post(params).await?
            }
            Typed::Vm(client) => {
                let mut params = node::qemu::vmid::migrate::PostParams::new(target.to_owned());
                params.online = is_running.then_some(true);
                params.with_local_disks = Some(true);
                client.migrate().post(params).await?
            }
        };
        self.wait(&upid, work).await?;
        let begin = Instant::now();
        while !self.is_on(guest, target).await? {
            if begin.elapsed() > ARRIVAL {
                return Err(BackendError::new(
                    ErrorKind::Timeout,
                    format!("`{guest}` did not arrive on `{target}` within {} s", ARRIVAL.as_secs()),
                )
                .with_hint("the task lists of both nodes tell why"));
            }
            tokio::time::sleep(self.waiter.pause(begin.elapsed())).await;
        }
        Ok(())
    }

    /// Tells whether a guest is on a node, by what the cluster says now.
    pub(super) async fn is_on(&self, guest: GuestId, node: &str) -> Result<bool, BackendError> {
        self.forget(guest.vmid);
        Ok(self.node_of(guest).await? == node)
    }
}
