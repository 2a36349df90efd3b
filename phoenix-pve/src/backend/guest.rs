//! Changing guests: disks, power, snapshots, removal. What is so already is not asked for again:
//! PVE refuses some of it, and a task for the rest would cost time.

use std::time::Duration;

use phoenix_core::{
    BackendError, ErrorKind, GuestId, GuestKind,
    property::{PropertyString, parse_size},
};
use proxmox_api::nodes::{NodesClient, node};
use tokio::time::Instant;

use super::{PveBackend, create::vmid, missing, perform::Work};
use crate::{client::segment, error::PveError, lenient, typed};

/// How long the conversion of a container into a template is waited for: it is a task without a name.
const TEMPLATE_LIMIT: Duration = Duration::from_secs(300);

/// The typed clients of a guest: two of one shape, since the crate has no type for both.
pub(super) enum Typed {
    Lxc(node::lxc::vmid::VmidClient<crate::client::Client>),
    Vm(node::qemu::vmid::VmidClient<crate::client::Client>),
}

impl PveBackend {
    pub(super) async fn resize(
        &self,
        guest: GuestId,
        disk: &str,
        gib: u64,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let config = self.config_of(guest).await?.ok_or_else(|| missing(guest))?;
        let volume = config.values.get(disk).ok_or_else(|| {
            BackendError::new(ErrorKind::NotFound, format!("`{guest}` has no disk `{disk}`"))
        })?;
        let size = PropertyString::parse(volume, "volume").get("size").and_then(parse_size).unwrap_or(0);
        if size >= gib << 30 {
            return Ok(());
        }
        let bad = || PveError::BadName { text: disk.to_owned(), wanted: "a disk that PVE can grow" };
        let size = format!("{gib}G");
        let digest = Some(config.digest).filter(|digest| !digest.is_empty());
        let upid = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                use node::lxc::vmid::resize::{Disk, PutParams};
                let disk = Disk::try_from(disk).map_err(|_| bad())?;
                let mut params = PutParams::new(disk, typed::text(&size, "a size")?);
                params.digest = digest.map(|digest| typed::text(&digest, "a digest")).transpose()?;
                client.resize().put(params).await?
            }
            Typed::Vm(client) => {
                use node::qemu::vmid::resize::{Disk, PutParams};
                let disk = Disk::try_from(disk).map_err(|_| bad())?;
                let mut params = PutParams::new(disk, typed::text(&size, "a size")?);
                params.digest = digest.map(|digest| typed::text(&digest, "a digest")).transpose()?;
                client.resize().put(params).await?
            }
        };
        Ok(self.wait(&upid, work).await?)
    }

    pub(super) async fn start(&self, guest: GuestId, work: Work<'_>) -> Result<(), BackendError> {
        if self.is_running(guest).await?.ok_or_else(|| missing(guest))? {
            return Ok(());
        }
        let started = match self.typed(guest).await? {
            Typed::Lxc(client) => client.status().start().post(Default::default()).await,
            Typed::Vm(client) => client.status().start().post(Default::default()).await,
        };
        let ended = match started {
            Ok(upid) => self.wait(&upid, work).await,
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if error.says("already running") => Ok(()),
            ended => Ok(ended?),
        }
    }

    pub(super) async fn stop(
        &self,
        guest: GuestId,
        timeout_s: u32,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        if !self.is_running(guest).await?.unwrap_or(false) {
            return Ok(());
        }
        let asked = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                use node::lxc::vmid::status::shutdown::{PostParams, TimeoutInt};
                let timeout = TimeoutInt::try_from(i128::from(timeout_s)).ok();
                client
                    .status()
                    .shutdown()
                    .post(PostParams { forcestop: Some(true), timeout, ..Default::default() })
                    .await
            }
            Typed::Vm(client) => {
                use node::qemu::vmid::status::shutdown::PostParams;
                let timeout = Some(u64::from(timeout_s));
                client
                    .status()
                    .shutdown()
                    .post(PostParams { forcestop: Some(true), timeout, ..Default::default() })
                    .await
            }
        };
        let ended = match asked {
            Ok(upid) => self.wait(&upid, work).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => Ok(()),
            Err(error) if error.says("not running") => Ok(()),
            Err(error) if error.kind() != ErrorKind::Failed => Err(error.into()),
            // A guest that cannot be asked (no agent, no init) is stopped hard, as the action says.
            Err(_) => {
                let upid = match self.typed(guest).await? {
                    Typed::Lxc(client) => client.status().stop().post(Default::default()).await?,
                    Typed::Vm(client) => client.status().stop().post(Default::default()).await?,
                };
                Ok(self.wait(&upid, work).await?)
            }
        }
    }

    pub(super) async fn delete(&self, guest: GuestId, work: Work<'_>) -> Result<(), BackendError> {
        if self.config_of(guest).await?.is_none() {
            return Ok(());
        }
        let started = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                use node::lxc::vmid::DeleteParams;
                let params = DeleteParams {
                    purge: Some(true),
                    destroy_unreferenced_disks: Some(true),
                    ..Default::default()
                };
                client.delete(params).await
            }
            Typed::Vm(client) => {
                use node::qemu::vmid::DeleteParams;
                let params = DeleteParams {
                    purge: Some(true),
                    destroy_unreferenced_disks: Some(true),
                    ..Default::default()
                };
                client.delete(params).await
            }
        };
        let upid = started?;
        self.wait(&upid, work).await?;
        self.forget(guest.vmid);
        Ok(())
    }

    pub(super) async fn snapshot(
        &self,
        guest: GuestId,
        name: &str,
        description: &str,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        if self.has_snapshot(guest, name).await? {
            return Ok(());
        }
        let wanted = "a name of a snapshot";
        let upid = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                let mut params = node::lxc::vmid::snapshot::PostParams::new(typed::text(name, wanted)?);
                params.description = Some(description.to_owned());
                client.snapshot().post(params).await?
            }
            Typed::Vm(client) => {
                let mut params = node::qemu::vmid::snapshot::PostParams::new(typed::text(name, wanted)?);
                params.description = Some(description.to_owned());
                client.snapshot().post(params).await?
            }
        };
        Ok(self.wait(&upid, work).await?)
    }

    pub(super) async fn delete_snapshot(
        &self,
        guest: GuestId,
        name: &str,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        if !self.has_snapshot(guest, name).await? {
            return Ok(());
        }
        let name = segment(name)?;
        let upid = match self.typed(guest).await? {
            Typed::Lxc(client) => client.snapshot().snapname(&name).delete(Default::default()).await?,
            Typed::Vm(client) => client.snapshot().snapname(&name).delete(Default::default()).await?,
        };
        Ok(self.wait(&upid, work).await?)
    }

    pub(super) async fn rollback(
        &self,
        guest: GuestId,
        name: &str,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let name = segment(name)?;
        let upid = match self.typed(guest).await? {
            Typed::Lxc(client) => {
                client.snapshot().snapname(&name).rollback().post(Default::default()).await?
            }
            Typed::Vm(client) => {
                client.snapshot().snapname(&name).rollback().post(Default::default()).await?
            }
        };
        Ok(self.wait(&upid, work).await?)
    }

    pub(super) async fn make_template(&self, guest: GuestId, work: Work<'_>) -> Result<(), BackendError> {
        if self.is_template(guest).await? {
            return Ok(());
        }
        // Containers answer null and VMs a UPID; the crate's types would refuse the other's answer of another release.
        let path = format!("{}/template", self.path_of(guest).await?);
        let data = self.client.post(&path, Vec::new()).await?;
        self.wait(&lenient::text(&data).unwrap_or_default(), work).await?;
        // A container's conversion answers null and goes on in a task that is named nowhere.
        let begin = Instant::now();
        while !self.is_template(guest).await? {
            if begin.elapsed() > TEMPLATE_LIMIT {
                return Err(BackendError::new(
                    ErrorKind::Timeout,
                    format!("`{guest}` did not become a template within {} s", TEMPLATE_LIMIT.as_secs()),
                )
                .with_hint("the log of its node tells why"));
            }
            tokio::time::sleep(self.waiter.pause(begin.elapsed())).await;
        }
        Ok(())
    }

    pub(super) async fn is_template(&self, guest: GuestId) -> Result<bool, BackendError> {
        let config = self.config_of(guest).await?.ok_or_else(|| missing(guest))?;
        Ok(config.values.get("template").is_some_and(|flag| flag == "1"))
    }

    /// Tells whether a guest runs; none if it is nowhere.
    pub(super) async fn is_running(&self, guest: GuestId) -> Result<Option<bool>, PveError> {
        Ok(self.get_of(guest, "/status/current").await?.map(|data| data["status"] == "running"))
    }

    pub(super) async fn has_snapshot(&self, guest: GuestId, name: &str) -> Result<bool, BackendError> {
        let data = self.get_of(guest, "/snapshot").await?.ok_or_else(|| missing(guest))?;
        Ok(lenient::snapshots(&data).iter().any(|snapshot| snapshot.name == name))
    }

    pub(super) async fn typed(&self, guest: GuestId) -> Result<Typed, BackendError> {
        let node = segment(&self.node_of(guest).await?)?;
        let node = NodesClient::new(self.client.clone()).node(&node);
        let vmid = vmid(guest.vmid)?;
        Ok(match guest.kind {
            GuestKind::Lxc => Typed::Lxc(node.lxc().vmid(vmid)),
            GuestKind::Vm => Typed::Vm(node.qemu().vmid(vmid)),
        })
    }
}
