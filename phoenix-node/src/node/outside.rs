//! Somebody outside: calls over connections that come from an address, as far as the node's firewall lets them in. What is
//! connected stays connected, as with every firewall that remembers connections; new connections meet the rules.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use ipnet::IpNet;
use phoenix_core::{
    FirewallScope,
    firewall::{
        traffic::Flow,
        walk::{Fate, Host},
    },
};
use phoenix_pve::transport::{Request, Response, Transport, TransportError};
use tokio::time::{Instant, sleep};

use super::Node;

/// The port of the API.
const API: u16 = 8006;
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(4);
/// How long a connection is tried that nobody answers.
const CONNECT: Duration = Duration::from_secs(5);

/// The way to a node from an address outside.
pub(crate) struct Outside {
    node: Arc<Node>,
    from: IpAddr,
    used: Mutex<Option<Instant>>,
}

impl Node {
    /// Returns the way to this node from an address. Its firewalls decide on every new connection.
    pub fn from_outside(self: &Arc<Self>, from: IpAddr) -> Arc<dyn Transport> {
        Arc::new(Outside { node: Arc::clone(self), from, used: Mutex::default() })
    }

    fn lets_in(&self, from: IpAddr) -> bool {
        let state = self.state();
        let firewalls = &*state.firewall;
        let own = firewalls.nodes.get(&state.name).map(|firewall| firewall.seen());
        let (cluster, names) = (firewalls.of(&FirewallScope::Cluster).seen(), firewalls.names());
        let host = Host { cluster: &cluster, node: own.as_ref(), names: &names };
        let flow = Flow { source: IpNet::from(from), port: API, addresses: BTreeSet::new() };
        host.fate(&flow) == Fate::Accepted
    }
}

impl Outside {
    async fn connect(&self, request: &Request) -> Result<(), TransportError> {
        if self.node.lets_in(self.from) {
            return Ok(());
        }
        sleep(CONNECT).await;
        Err(TransportError {
            method: request.method.as_str(),
            path: request.path.clone(),
            message: format!("the node took no connection within {} s", CONNECT.as_secs()),
            may_have_arrived: false,
        })
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Outside {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let is_connected = self.used().is_some_and(|used| used.elapsed() < IDLE);
        if !is_connected {
            self.connect(&request).await?;
        }
        let answer = self.node.send(request).await;
        *self.used() = Some(Instant::now());
        answer
    }

    async fn send_anew(&self, request: Request) -> Result<Response, TransportError> {
        self.connect(&request).await?;
        self.node.send(request).await
    }
}
