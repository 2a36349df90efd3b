//! The port: probes and actions at a site. It works at their level, so that a live channel can put many into one round
//! trip and the embedded node can answer from its model.

use std::fmt;

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, ErrorKind, Evidence, FirewallScope, GuestId, Probe, Site};

/// The way into sites.
#[async_trait]
pub trait GuestChannel: Send + Sync {
    /// Answers probes of one site, in the order asked, in one round trip. A stopped guest is
    /// [`Evidence::Unreachable`], a missing one [`Evidence::Absent`].
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>>;

    /// Performs an action whose [`Action::site`] is this site. `secret` is the resolved content of the one secret
    /// that the action refers to, if it refers to one.
    async fn act(&self, site: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError>;

    /// Returns what a command at a site says on its standard output, at most 64 KiB. A command that does not end with status
    /// 0 is an error with what it said.
    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError>;

    /// Replaces the raw `lxc.*` lines of a container's configuration by these: a file on its node, not an API call.
    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError>;

    /// Guards a firewall or the interfaces from a node: what there is is kept there, and put back by the node itself when the time is over.
    /// Safe to do twice. To end what has come back already fails.
    async fn guard(&self, node: &str, what: &Guarded, guard: Guard) -> Result<(), BackendError> {
        let _ = (what, guard);
        let message = format!("the shell of the node `{node}` is not reached: the API has no way there");
        Err(BackendError::new(ErrorKind::Unreachable, message))
    }
}

/// What is guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// A firewall.
    Firewall(FirewallScope),
    /// The node's network interfaces. A guard does not begin while changes of them are pending.
    Interfaces,
}

/// What becomes of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It begins with what is there now.
    Begin {
        /// How long the node waits.
        seconds: u32,
    },
    /// The time begins anew; what was kept stays.
    Renew {
        /// How long the node waits.
        seconds: u32,
    },
    /// It ends, and what is there stays.
    End,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firewall(scope) => scope.fmt(f),
            Self::Interfaces => f.write_str("interfaces"),
        }
    }
}
