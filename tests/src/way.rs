//! The ways to a node: in this process, where time stands still and jumps, or over HTTPS on the loopback interface,
//! where it passes. What is true must be true on both.

use std::{future::Future, sync::Arc, time::Duration};

use phoenix_node::{Node, NodeSeed, Options, ServeOptions, Server};
use phoenix_pve::{Credentials, Https, Limits, PveBackend, Transport, Trust};

use crate::{sandbox::OwnSandbox, world::World};

/// The password of the served nodes' `root@pam`.
pub const PASSWORD: &str = "secret123";

/// A way to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Calls of functions.
    InProcess,
    /// HTTPS with a token.
    Https,
    /// Calls of functions, to a node whose containers are real ones of this machine.
    Real,
}

impl Way {
    /// The ways to a node that is simulated.
    pub const ALL: [Self; 2] = [Self::InProcess, Self::Https];

    /// Returns all ways that lead somewhere on this machine, for what is done to containers alone, and why the one to real
    /// ones does not, if it does not.
    pub fn to_containers() -> (Vec<Self>, Option<String>) {
        let why = crate::sandbox::obstacle();
        let real = why.is_none().then_some(Self::Real);
        (Self::ALL.into_iter().chain(real).collect(), why)
    }

    /// Runs a future by the clock of this way: sockets do not wait for one that jumps.
    ///
    /// # Panics
    /// If there is no runtime to be had.
    pub fn block_on<F: Future>(self, future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        match self {
            Self::InProcess => builder.enable_time().start_paused(true),
            Self::Https | Self::Real => builder.enable_all(),
        };
        builder.build().expect("a runtime").block_on(future)
    }

    /// Returns a world without guests.
    pub async fn world(self) -> World {
        self.seeded(NodeSeed::default()).await
    }

    /// Returns a world without guests that has these storages and bridges.
    pub async fn seeded(self, seed: NodeSeed) -> World {
        self.wrapped(seed, |transport| transport).await
    }

    /// Returns a world without guests whose backend calls through what `wrap` makes of the way there.
    ///
    /// # Panics
    /// If the node cannot be served.
    pub async fn wrapped(
        self,
        seed: NodeSeed,
        wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> World {
        let limits = Limits { poll_floor: Duration::from_millis(5), ..Limits::default() };
        let mut sandbox = None;
        let (node, server, transport) = match self {
            Self::InProcess => {
                let node = Node::in_memory(Options { seed, ..Options::default() });
                let transport: Arc<dyn Transport> = node.clone();
                (node, None, transport)
            }
            Self::Https => {
                let node = Node::in_memory(Options { speed: f64::INFINITY, seed, ..Options::default() });
                let listen = "127.0.0.1:0".parse().expect("an address");
                let options =
                    ServeOptions { listen, password: Some(PASSWORD.to_owned()), ..ServeOptions::default() };
                let server = Server::start(node.clone(), options).await.expect("a server");
                let trust = Trust::Fingerprint(server.fingerprint().expect("TLS").to_owned());
                // Some of what the labs have is for `root@pam` with a password alone.
                let credentials =
                    Credentials::Password { user: "root@pam".to_owned(), password: PASSWORD.to_owned() };
                let https = Https::new(&server.url(), &trust, credentials).expect("a transport");
                let transport: Arc<dyn Transport> = Arc::new(https);
                (node, Some(server), transport)
            }
            Self::Real => {
                let place = OwnSandbox::new();
                let node = place.node(seed).await;
                sandbox = Some(place);
                let transport: Arc<dyn Transport> = node.clone();
                (node, None, transport)
            }
        };
        let backend = PveBackend::new(wrap(transport), node.clone(), node.name(), limits);
        World { node, backend: Arc::new(backend), server, sandbox }
    }
}
