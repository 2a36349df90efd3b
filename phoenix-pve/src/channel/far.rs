//! No way into guests, for programs that use the API alone: one clear error for who asks.

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, ErrorKind, Evidence, GuestId, Probe, Site};

use super::port::GuestChannel;

/// The channel to nowhere: guests without features and health checks need none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Far;

#[async_trait]
impl GuestChannel for Far {
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        probes.iter().map(|_| Err(out_of_reach(&site.to_string()))).collect()
    }

    async fn act(&self, site: &Site, _: &Action, _: Option<&[u8]>) -> Result<(), BackendError> {
        Err(out_of_reach(&site.to_string()))
    }

    async fn answer(&self, site: &Site, _: &[String], _: Option<&[u8]>) -> Result<Vec<u8>, BackendError> {
        Err(out_of_reach(&site.to_string()))
    }

    async fn set_raw_keys(&self, guest: GuestId, _: &[(String, String)]) -> Result<(), BackendError> {
        Err(out_of_reach(&format!("{guest} on its node")))
    }
}

fn out_of_reach(place: &str) -> BackendError {
    let message =
        format!("the inside of `{place}` cannot be reached: the API of Proxmox VE has no way there");
    BackendError::new(ErrorKind::Unreachable, message).with_hint(
        "features, health checks and raw `lxc.*` keys need a way into guests, such as ssh to their nodes",
    )
}
