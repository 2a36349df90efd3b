//! Trust: the root of the lab's own authority, in every guest that can wait for it and in the host.

use phoenix_core::{Diagnostic, GuestId};
use serde_json::json;

use super::{authority, part::Parts};

const FEATURE: &str = "trusted-ca";
/// What the root is called where it is trusted.
const NAME: &str = "step-ca";
/// The feature that an authority has.
const AUTHORITY: &str = "step-ca";
/// Where the authority keeps its root.
pub(super) const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";
/// Where a guest has the root that it trusts.
pub(crate) const TRUSTED: &str = "/usr/local/share/ca-certificates/phoenix-step-ca.crt";

pub(super) fn weave(parts: &mut Parts<'_>) {
    let Some(authority) = authority(parts.network) else { return };
    if !parts.has_feature(authority, AUTHORITY) {
        let message =
            format!("`{authority}` shall be the certificate authority and has no feature `{AUTHORITY}`");
        let finding = Diagnostic::error("no-authority", message)
            .with_hint(format!("add `{{ \"name\": \"{AUTHORITY}\" }}` to its `features`"));
        if let Some(publishing) = &parts.network.publishing {
            parts.find(&publishing.origin, finding);
        }
        return;
    }
    for guest in trusting(parts, authority) {
        if let Some(mut config) = parts.feature(guest, FEATURE) {
            config.push("certificates", certificate(authority));
        }
    }
    if let Some(mut config) = parts.crown(FEATURE) {
        config.push("certificates", certificate(authority));
    }
}

/// Returns the guests that can wait for the authority: all that it does not wait for itself.
pub(super) fn trusting(parts: &Parts<'_>, authority: GuestId) -> Vec<GuestId> {
    let below = parts.below(authority);
    let members = parts.network.members.keys();
    members
        .filter(|guest| **guest != authority && !below.contains(guest) && parts.has(**guest))
        .copied()
        .collect()
}

fn certificate(authority: GuestId) -> serde_json::Value {
    json!({ "name": NAME, "from": { "guest": authority, "path": ROOT } })
}
