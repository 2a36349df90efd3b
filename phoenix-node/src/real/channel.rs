//! The way into real containers: the live channel of `phoenix-pve`, which finds in the sandbox what it finds on a host of
//! Proxmox VE, a shell and `pct exec`.

use std::sync::{Arc, PoisonError, Weak};

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, ErrorKind, Evidence, Probe, Site};
use phoenix_pve::{
    ChannelLimits, Client, Entry, LiveChannel, Nodes, SshOptions,
    channel::GuestChannel,
    transport::{Request, Response, Transport, TransportError},
};
use phoenix_sandbox::{Sandbox, SandboxError};

use super::Real;
use crate::node::Node;

impl Real {
    /// Answers probes of one site.
    pub(crate) async fn ask(
        &self,
        node: &Weak<Node>,
        site: &Site,
        probes: &[Probe],
    ) -> Vec<Result<Evidence, BackendError>> {
        let needs_services =
            matches!(site, Site::Host(_)) && probes.iter().any(|probe| matches!(probe, Probe::Unit { .. }));
        if needs_services {
            // Without a systemd the answer is that there is no such unit.
            if let Err(error) = self.containers.begin_services().await {
                tracing::debug!(%error, "the services of the host");
            }
        }
        match self.way(node, site).await {
            Ok(way) => way.ask(site, probes).await,
            Err(error) => {
                let again = || BackendError::new(error.kind, error.message.clone());
                probes.iter().map(|_| Err(again())).collect()
            }
        }
    }

    /// Performs an action at a site.
    pub(crate) async fn act(
        &self,
        node: &Weak<Node>,
        site: &Site,
        action: &Action,
        secret: Option<&[u8]>,
    ) -> Result<(), BackendError> {
        if let Action::Reboot { .. } = action {
            let message = format!("`{site}` shares the kernel of this machine, which is not rebooted");
            return Err(BackendError::new(ErrorKind::Invalid, message)
                .with_hint("leave `--reboot` out; a real host is needed for what waits for it"));
        }
        if let Site::Host(_) = site {
            self.prepare(action).await?;
        }
        self.way(node, site).await?.act(site, action, secret).await
    }

    /// Has what an action on the host needs of the sandbox.
    async fn prepare(&self, action: &Action) -> Result<(), BackendError> {
        let (unit, packages) = match action {
            Action::SetUnit { name, .. } => (Some(name), None),
            Action::InstallPackages { names, .. } => (None, Some(names)),
            Action::Run { .. } => (None, None),
            // Files and accounts need nobody.
            _ => return Ok(()),
        };
        match (self.containers.begin_services().await, unit) {
            (Ok(()), _) => {}
            (Err(error), Some(unit)) => {
                let message = format!("the host has nobody who could start `{unit}`: {error}");
                return Err(BackendError::new(ErrorKind::Failed, message));
            }
            // What has nothing to do with services is done all the same.
            (Err(error), None) => tracing::debug!(%error, "the services of the host"),
        }
        match packages {
            Some(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.containers.fetch_packages(&names).await.map_err(failed)
            }
            None => Ok(()),
        }
    }

    /// Returns what a command at a site answers.
    pub(crate) async fn answer(
        &self,
        node: &Weak<Node>,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        self.way(node, site).await?.answer(site, argv, stdin).await
    }

    async fn way(&self, node: &Weak<Node>, site: &Site) -> Result<Arc<LiveChannel>, BackendError> {
        let failed =
            |error: phoenix_sandbox::SandboxError| BackendError::new(ErrorKind::Failed, error.to_string());
        let sandbox = self.containers.sandbox().await.map_err(failed)?;
        let pid = sandbox.status().pid;
        let (ways, enter): (_, fn(&Sandbox) -> Vec<String>) = match site {
            Site::Host(_) => (&self.host_way, Sandbox::enter_host),
            Site::Guest(_) => (&self.way, Sandbox::enter),
        };
        let has_way = |way: &Option<(i32, Arc<LiveChannel>)>| way.as_ref().is_some_and(|way| way.0 == pid);
        if !has_way(&ways.lock().unwrap_or_else(PoisonError::into_inner)) {
            // It may just have begun, and nobody else may look. What is wrong is told.
            let _ = self.enforce(node).await;
        }
        let mut way = ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, way)) = way.as_ref().filter(|(known, _)| *known == pid) {
            tracing::trace!(known, "the way into the sandbox");
            return Ok(Arc::clone(way));
        }
        let name = node.upgrade().map(|node| node.name()).unwrap_or_default();
        let client = Client::new(Arc::new(Quiet(node.clone())));
        let entry = Entry::Local { prefix: enter(&sandbox) };
        let nodes = Nodes::new(client.clone(), name, entry, SshOptions::default());
        let new = Arc::new(LiveChannel::new(client, nodes, ChannelLimits::default()));
        *way = Some((pid, Arc::clone(&new)));
        Ok(new)
    }
}

fn failed(error: SandboxError) -> BackendError {
    BackendError::new(ErrorKind::Failed, error.to_string())
}

/// The node, asked by itself: such calls are not counted, and do not keep it alive.
struct Quiet(Weak<Node>);

#[async_trait]
impl Transport for Quiet {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        match self.0.upgrade() {
            Some(node) => node.ask_itself(request).await,
            None => Err(TransportError {
                method: request.method.as_str(),
                path: request.path,
                message: "the node is gone".to_owned(),
                may_have_arrived: false,
            }),
        }
    }
}
