//! What the user writes for `qdrant`.

use phoenix_core::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration of `qdrant`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address that it listens on.
    pub host: String,
    /// The port of its HTTP interface.
    pub http_port: u16,
    /// The port of its gRPC interface; none if null.
    pub grpc_port: Option<u16>,
    /// Where it keeps its data.
    pub storage_dir: String,
    /// The key that clients must present for everything.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretRef>,
    /// The key that clients must present to read.
    #[schemars(with = "Option<String>")]
    pub read_only_api_key: Option<SecretRef>,
    /// Certificate and key of its interfaces, files of the guest.
    pub tls: Option<Tls>,
    /// Further settings, as Qdrant's `config.yaml` has them. What the keys above say comes first.
    pub settings: Map<String, Value>,
    /// Memory that the guest must have at least, in MiB.
    pub memory_mib: Option<u64>,
    /// How long it may take until it is ready, in seconds: it loads its collections before.
    pub ready_timeout_s: u32,
}

/// Certificate and key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate's file.
    pub certificate: String,
    /// The key's file.
    pub key: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            http_port: 6333,
            grpc_port: Some(6334),
            storage_dir: "/var/lib/qdrant".to_owned(),
            api_key: None,
            read_only_api_key: None,
            tls: None,
            settings: Map::new(),
            memory_mib: None,
            ready_timeout_s: 300,
        }
    }
}
