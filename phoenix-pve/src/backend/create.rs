//! Making guests: create and clone. PVE refuses a vmid that is taken, so the call itself asks whether the guest is
//! there; only then it is looked at whose it is.

use std::{collections::BTreeMap, time::Duration};

use phoenix_core::{
    BackendError, CloneMode, ErrorKind, GuestId, GuestKind, Vmid, evidence::GuestConfig, marker::Marker,
};
use proxmox_api::nodes::{NodesClient, node};
use tokio::time::Instant;

use super::{PveBackend, perform::Work};
use crate::{client::segment, error::PveError, lenient, typed};

/// How long somebody else's making of a guest is waited for.
const MAKING_LIMIT: Duration = Duration::from_secs(1800);

/// What to clone, and into what.
#[derive(Clone, Copy)]
pub(super) struct Copy<'a> {
    pub(super) source: GuestId,
    pub(super) target: Vmid,
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) mode: CloneMode,
    pub(super) storage: Option<&'a String>,
    pub(super) snapshot: Option<&'a String>,
}

impl PveBackend {
    pub(super) async fn create_lxc(
        &self,
        vmid: Vmid,
        node: Option<&String>,
        (storage, template): (&str, &str),
        params: &BTreeMap<String, String>,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let node = self.node_or_own(node);
        let file = self.stored_template(node, storage, template).await?.ok_or_else(|| {
            BackendError::new(
                ErrorKind::NotFound,
                format!("there is no OS template `{template}` in the storage `{storage}`"),
            )
            .with_hint(format!("`pveam available` on `{node}` lists what can be fetched"))
        })?;
        let mut params = params.clone();
        params.insert("ostemplate".to_owned(), file);
        self.create(GuestId { kind: GuestKind::Lxc, vmid }, node, params, work).await
    }

    pub(super) async fn create_vm(
        &self,
        vmid: Vmid,
        node: Option<&String>,
        params: &BTreeMap<String, String>,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let node = self.node_or_own(node);
        self.create(GuestId { kind: GuestKind::Vm, vmid }, node, params.clone(), work).await
    }

    async fn create(
        &self,
        guest: GuestId,
        node: &str,
        mut params: BTreeMap<String, String>,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let storage = super::root_storage(guest, &params);
        params.insert("vmid".to_owned(), guest.vmid.to_string());
        let path = format!("/nodes/{}/{}", segment(node)?, guest.kind.api_name());
        // The parameters are a map of PVE's words, which the typed parameters cannot hold (see `typed`).
        let made = match self.client.post(&path, params.into_iter().collect()).await {
            Ok(data) => self.wait(&lenient::text(&data).unwrap_or_default(), work).await,
            Err(error) => Err(error),
        };
        self.settle(guest, node, storage, made, work).await
    }

    pub(super) async fn clone_guest(&self, copy: Copy<'_>, work: Work<'_>) -> Result<(), BackendError> {
        let guest = GuestId { kind: copy.source.kind, vmid: copy.target };
        let node = self.node_of(copy.source).await?;
        let made = match self.start_clone(&node, copy).await {
            Ok(upid) => self.wait(&upid, work).await,
            Err(error) => Err(error),
        };
        let storage = copy.storage.cloned().or_else(|| self.place(copy.source.vmid)?.storage);
        self.settle(guest, &node, storage, made, work).await
    }

    async fn start_clone(&self, node: &str, copy: Copy<'_>) -> Result<String, PveError> {
        let node = NodesClient::new(self.client.clone()).node(&segment(node)?);
        let is_full = copy.mode == CloneMode::Full;
        // PVE takes a storage for full clones only: a linked one lies where its base lies.
        let storage = copy.storage.filter(|_| is_full).cloned();
        let newid = i128::from(copy.target.0);
        let bad_vmid =
            || PveError::BadName { text: copy.target.to_string(), wanted: "a vmid that PVE accepts" };
        let wanted = "the name of a snapshot";
        let source = vmid(copy.source.vmid)?;
        match copy.source.kind {
            GuestKind::Lxc => {
                use node::lxc::vmid::clone::{NewidInt, PostParams};
                let mut params = PostParams::new(NewidInt::try_from(newid).map_err(|_| bad_vmid())?);
                params.hostname = Some(copy.name.to_owned());
                params.description = Some(copy.description.to_owned());
                params.full = Some(is_full);
                params.storage = storage;
                params.snapname = copy.snapshot.map(|name| typed::text(name, wanted)).transpose()?;
                node.lxc().vmid(source).clone().post(params).await
            }
            GuestKind::Vm => {
                use node::qemu::vmid::clone::{NewidInt, PostParams};
                let mut params = PostParams::new(NewidInt::try_from(newid).map_err(|_| bad_vmid())?);
                params.name = Some(copy.name.to_owned());
                params.description = Some(copy.description.to_owned());
                params.full = Some(is_full);
                params.storage = storage;
                params.snapname = copy.snapshot.map(|name| typed::text(name, wanted)).transpose()?;
                node.qemu().vmid(source).clone().post(params).await
            }
        }
    }

    /// Ends the making of a guest: remembers it, or finds out whether it had been made before.
    async fn settle(
        &self,
        guest: GuestId,
        node: &str,
        storage: Option<String>,
        made: Result<(), PveError>,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        match made {
            Ok(()) => {
                self.remember(guest, node, storage);
                Ok(())
            }
            Err(error) if error.says_exists() => self.adopt(guest, work, error).await,
            Err(error) => {
                // A later look must not trust where the guest would have been.
                self.forget(guest.vmid);
                Err(error.into())
            }
        }
    }

    /// Takes a guest that is already there for the one to be made if it carries our marker, once its making has
    /// ended.
    async fn adopt(&self, guest: GuestId, work: Work<'_>, refusal: PveError) -> Result<(), BackendError> {
        let begin = Instant::now();
        loop {
            self.forget(guest.vmid);
            let Some(config) = self.config_of(guest).await? else {
                return Err(taken(guest, "a guest of another kind").caused_by(refusal));
            };
            let node = self.node_of(guest).await?;
            if !config.values.contains_key("lock") {
                return match is_ours(guest, &config) {
                    true => Ok(()),
                    false => Err(taken(guest, "a guest without Phoenix's marker").caused_by(refusal)),
                };
            }
            match self.making_task(guest, &node).await? {
                Some(upid) => match self.wait(&upid, work).await {
                    Ok(()) => {}
                    Err(error) => tracing::debug!(%error, "another task's making of the guest failed"),
                },
                None => {
                    return Err(BackendError::new(
                        ErrorKind::Failed,
                        format!("`{guest}` is locked by a task that runs no more"),
                    )
                    .with_hint(unlock_hint(guest, &node))
                    .caused_by(refusal));
                }
            }
            if begin.elapsed() > MAKING_LIMIT {
                return Err(refusal.into());
            }
            tokio::time::sleep(self.waiter.pause(begin.elapsed())).await;
        }
    }

    /// Tells whether a guest that was to be made is there, complete and ours.
    pub(super) async fn is_made(&self, guest: GuestId) -> bool {
        self.forget(guest.vmid);
        let is_whole = |config: GuestConfig| !config.values.contains_key("lock") && is_ours(guest, &config);
        self.config_of(guest).await.is_ok_and(|config| config.is_some_and(is_whole))
    }

    /// Returns the running task that may be making a guest. A clone's task bears the number of its source.
    async fn making_task(&self, guest: GuestId, node: &str) -> Result<Option<String>, PveError> {
        let own = guest.vmid.to_string();
        let (create, clone) = match guest.kind {
            GuestKind::Lxc => ("vzcreate", "vzclone"),
            GuestKind::Vm => ("qmcreate", "qmclone"),
        };
        let tasks = self.active_tasks(node).await?;
        let making = tasks.iter().find(|(kind, id, _)| kind == create && *id == own);
        Ok(making
            .or_else(|| tasks.iter().find(|(kind, _, _)| kind == clone))
            .map(|(_, _, upid)| upid.clone()))
    }
}

/// Returns a vmid as the crate has it.
pub(super) fn vmid(vmid: Vmid) -> Result<proxmox_api::types::VmId, PveError> {
    let bad = || PveError::BadName { text: vmid.to_string(), wanted: "a vmid that PVE accepts" };
    proxmox_api::types::VmId::try_from(i128::from(vmid.0)).map_err(|_| bad())
}

fn is_ours(guest: GuestId, config: &GuestConfig) -> bool {
    let description = config.values.get("description").map_or("", String::as_str);
    Marker::parse(description).1.is_some_and(|marker| marker.vmid == guest.vmid)
}

fn taken(guest: GuestId, by: &str) -> BackendError {
    BackendError::new(ErrorKind::Failed, format!("the vmid of `{guest}` is taken by {by}"))
        .with_hint("give the guest another vmid in the configuration, or remove the one that has it")
}

fn unlock_hint(guest: GuestId, node: &str) -> String {
    let tool = match guest.kind {
        GuestKind::Lxc => "pct",
        GuestKind::Vm => "qm",
    };
    format!(
        "on `{node}`, look at it and type `{tool} unlock {}` or `{tool} destroy {}`",
        guest.vmid, guest.vmid
    )
}
