//! The port: probes and actions at a site. It works at their level, so that a live channel can put many into one round
//! trip and the embedded node can answer from its model.

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, Evidence, GuestId, Probe, Site};

/// The way into sites.
#[async_trait]
pub trait GuestChannel: Send + Sync {
    /// Answers probes of one site, in the order asked, in one round trip. A stopped guest is
    /// [`Evidence::Unreachable`], a missing one [`Evidence::Absent`].
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>>;

    /// Performs an action whose [`Action::site`] is this site. `secret` is the resolved content of the one secret
    /// that the action refers to, if it refers to one.
    async fn act(&self, site: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError>;

    /// Replaces the raw `lxc.*` lines of a container's configuration by these: a file on its node, not an API call.
    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError>;
}
