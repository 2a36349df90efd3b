//! What containers and virtual machines write alike.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::id::Id;

/// A clone's origin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloneFrom {
    /// The guest that is cloned.
    pub(crate) from: Id,
    /// `full` (a copy that stands alone, the default) or `linked` (the difference to a template).
    #[serde(default)]
    pub(crate) mode: CloneWord,
    /// The snapshot to clone; the present state if not given.
    #[schemars(extend("format" = "config-id"))]
    pub(crate) snapshot: Option<String>,
}

/// How a clone relates to its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CloneWord {
    #[default]
    Full,
    Linked,
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PowerWord {
    Running,
    Stopped,
}

/// A command inside the guest that succeeds when it is healthy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// Program and arguments.
    #[schemars(length(min = 1))]
    pub(crate) command: Vec<String>,
    /// How long to wait for success, in seconds; 60 if not given.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) timeout_s: Option<u32>,
}

/// The name under which the reverse proxy publishes a service of the guest.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TraefikService {
    /// The first label of the published host name.
    #[schemars(extend("format" = "hostname"))]
    pub(crate) name: String,
    /// The port that the guest serves it on.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: u32,
}

/// A DNS record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; a later release applies it")]
pub(crate) struct DnsRecord {
    /// The host name.
    #[schemars(extend("format" = "domain"))]
    pub(crate) hostname: String,
    /// Its address.
    #[schemars(extend("format" = "ip"))]
    pub(crate) ip: String,
}

/// Test scripts by suite. Never read.
pub(crate) type Tests = BTreeMap<String, Vec<TestScript>>;

/// A test script. Never read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; nothing runs it")]
pub(crate) struct TestScript {
    /// What it tests.
    pub(crate) name: String,
    /// Its sort; always `script`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its file.
    pub(crate) path: String,
}
