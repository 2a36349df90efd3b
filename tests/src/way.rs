//! The ways to a node: in this process, where time stands still and jumps, or over HTTPS on the loopback interface,
//! where it passes. What is true must be true on both.

use std::{future::Future, sync::Arc, time::Duration};

use phoenix_core::planner::Reboots;
use phoenix_node::{Node, NodeSeed, Options, ServeOptions, Server};
use phoenix_pve::{Credentials, Https, Limits, PveBackend, Transport, Trust};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    counted::Counted,
    sandbox::{OwnSandbox, Unpacked},
    world::World,
};

/// The password of the served nodes' `root@pam`.
pub const PASSWORD: &str = "secret123";

/// A way to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Calls of functions.
    InProcess,
    /// HTTPS with a token.
    Https,
    /// Calls of functions, to a node whose guests are real containers of this machine, its virtual machines too.
    Real,
}

impl Way {
    /// The ways to a node that is simulated.
    pub const SIMULATED: [Self; 2] = [Self::InProcess, Self::Https];

    /// Returns all ways that lead somewhere on this machine, and why the one to real containers does not, if it does not.
    pub fn all() -> (Vec<Self>, Option<String>) {
        let why = crate::sandbox::obstacle();
        let real = why.is_none().then_some(Self::Real);
        (Self::SIMULATED.into_iter().chain(real).collect(), why)
    }

    /// Returns some of many cases, spread over all of them: what is simulated takes no time, and each case of what is
    /// real takes seconds.
    pub fn some<T>(self, cases: Vec<T>, most: usize) -> Vec<T> {
        let count = cases.len();
        if self != Self::Real || count <= most {
            return cases;
        }
        // In the middle of as many equal parts.
        let is_chosen = |at: &usize| (0..most).any(|turn| (2 * turn + 1) * count / (2 * most) == *at);
        cases.into_iter().enumerate().filter(|(at, _)| is_chosen(at)).map(|(_, case)| case).collect()
    }

    /// Runs a future by the clock of this way: sockets do not wait for one that jumps.
    ///
    /// # Panics
    /// If there is no runtime to be had.
    pub fn block_on<F: Future>(self, future: F) -> F::Output {
        // The worlds of a scenario come one after the other.
        let _unpacked = (self == Self::Real).then(Unpacked::hold);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        match self {
            Self::InProcess => builder.enable_time().start_paused(true),
            Self::Https | Self::Real => builder.enable_all(),
        };
        let runtime = builder.build().expect("a runtime");
        match self {
            Self::InProcess | Self::Https => runtime.block_on(future),
            // Whoever ends a test from outside gets his machine back as it was: what is dropped is swept.
            Self::Real => runtime.block_on(async {
                tokio::select! {
                    done = future => done,
                    () = ended() => panic!("ended from outside"),
                }
            }),
        }
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
        let limits = Limits {
            poll_floor: Duration::from_millis(5),
            // What an embedded node holds is in force at once.
            firewall_settle: Duration::ZERO,
            ..Limits::default()
        };
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
        let channel = Counted::new(node.clone());
        let backend = PveBackend::new(wrap(transport), channel.clone(), node.name(), limits);
        World { node, backend: Arc::new(backend), channel, server, sandbox, reboots: Reboots::default() }
    }
}

/// Waits for a signal that ends this process.
async fn ended() {
    let hear = |kind| signal(kind).expect("signals can be heard");
    let (mut interrupted, mut terminated) = (hear(SignalKind::interrupt()), hear(SignalKind::terminate()));
    tokio::select! {
        _ = interrupted.recv() => (),
        _ = terminated.recv() => (),
    }
}
