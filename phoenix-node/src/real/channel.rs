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
        match self.way(node).await {
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
        self.way(node).await?.act(site, action, secret).await
    }

    async fn way(&self, node: &Weak<Node>) -> Result<Arc<LiveChannel>, BackendError> {
        let failed =
            |error: phoenix_sandbox::SandboxError| BackendError::new(ErrorKind::Failed, error.to_string());
        let sandbox = self.containers.sandbox().await.map_err(failed)?;
        let pid = sandbox.status().pid;
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, way)) = way.as_ref().filter(|(known, _)| *known == pid) {
            tracing::trace!(known, "the way into the sandbox");
            return Ok(Arc::clone(way));
        }
        let name = node.upgrade().map(|node| node.name()).unwrap_or_default();
        let client = Client::new(Arc::new(Quiet(node.clone())));
        let entry = Entry::Local { prefix: sandbox.enter() };
        let nodes = Nodes::new(client.clone(), name, entry, SshOptions::default());
        let new = Arc::new(LiveChannel::new(client, nodes, ChannelLimits::default()));
        *way = Some((pid, Arc::clone(&new)));
        Ok(new)
    }
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
