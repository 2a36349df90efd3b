//! The node on a socket: HTTP/1.1 as PVE's own proxy speaks it, with its manners (what closes a connection, which
//! refusals have no body, how long a failed login takes), in front of the same calls that are answered in process.

mod access;
mod body;
mod certificate;
mod control;
mod exchange;
mod form;
mod keep;
mod latency;
mod listen;
mod session;
mod shape;
mod statusd;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

pub use control::reset_served;
pub use latency::Latency;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{error::NodeError, node::Node};

/// How a node is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether to speak TLS, with a certificate of the node's own.
    pub tls: bool,
    /// The password of `root@pam`. Without one the last one that was set stays, and before any only tokens are let in.
    pub password: Option<String>,
    /// The name of the token of `root@pam` that is made at the start, unless it is there already.
    pub token: String,
    /// How long a ticket is good for.
    pub ticket_life: Duration,
    /// How long answers take.
    pub latency: Latency,
}

/// A node that is being served. It ends when this is dropped, or (in order) by [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    fingerprint: Option<String>,
    token: String,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
    control: Option<JoinHandle<()>>,
    statusd: Option<JoinHandle<()>>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8006)),
            tls: true,
            password: None,
            token: "phoenix".to_owned(),
            ticket_life: Duration::from_secs(7200),
            latency: Latency::None,
        }
    }
}

impl Server {
    /// Begins to serve a node. What clients must recognise again (certificate, tokens, the key of the tickets) is
    /// kept in the node's directory; a node in memory makes it anew.
    pub async fn start(node: Arc<Node>, options: ServeOptions) -> Result<Self, NodeError> {
        let listen = |source| NodeError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let folder = node.dir().map(|dir| dir.join("serve"));
        let folder: Option<&Path> = folder.as_deref();
        let keys = keep::load(folder)?;
        keep::save(folder, &keys)?;
        let secret = node.admit(options.password.as_deref(), &options.token)?;
        let (acceptor, fingerprint) = match options.tls {
            true => {
                let made = certificate::load(folder, address.ip())?;
                (Some(TlsAcceptor::from(made.config)), Some(made.fingerprint))
            }
            false => (None, None),
        };
        let statusd = match options.latency {
            Latency::None => None,
            Latency::Real => Some(tokio::spawn(statusd::run(Arc::downgrade(&node)))),
        };
        let service = Arc::new(exchange::Service {
            node,
            keys,
            password: options.password,
            ticket_life: options.ticket_life,
            turns: latency::Turns::new(options.latency),
        });
        let control = match folder {
            Some(folder) => Some(tokio::spawn(control::run(control::listen(folder)?, Arc::clone(&service)))),
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let listening = tokio::spawn(listen::run(listener, service, acceptor, stopped));
        let token = format!("root@pam!{}={secret}", options.token);
        Ok(Self { address, fingerprint, token, stop, listening, control, statusd })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        let scheme = if self.fingerprint.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the SHA-256 fingerprint of the certificate; none without TLS.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Returns the token, as `user@realm!name=secret`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Lets running calls end and takes no others.
    pub async fn stop(mut self) {
        // If nobody listens any more there is nothing to stop.
        let _ = self.stop.send(true);
        let _ = (&mut self.listening).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
        for helper in self.control.iter().chain(&self.statusd) {
            helper.abort();
        }
    }
}
