//! What the user writes for `llama-cpp`.

use std::collections::BTreeMap;

use phoenix_core::{Artifact, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The configuration of `llama-cpp`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The model, a file in the format GGUF.
    pub model: Model,
    /// The name that clients call the model by.
    pub alias: Option<String>,
    /// The address that it listens on.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
    /// How many tokens of context all slots have together; the model's own number if not given.
    pub context: Option<u32>,
    /// How many requests are worked on at once.
    pub parallel: Option<u32>,
    /// How many threads compute.
    pub threads: Option<u32>,
    /// How many layers are computed on the cards. The pinned release has no CUDA: have a build of your own in
    /// `artifacts` of the host's file for that.
    pub gpu_layers: Option<u32>,
    /// Further words of the server's command line, as they are.
    pub arguments: Vec<String>,
    /// Further variables of the server's environment.
    pub environment: BTreeMap<String, String>,
    /// The key that clients must present.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretRef>,
    /// The cards that it computes on, by their numbers on the node.
    pub gpus: Vec<u32>,
    /// How much of each card's memory it takes at most, in hundredths: it is added up with what others take.
    pub gpu_memory_percent: Option<u32>,
    /// Memory that the guest must have at least, in MiB.
    pub memory_mib: Option<u64>,
    /// The server's path in the release's archive; `llama-VERSION/llama-server` if not given.
    pub program: Option<String>,
    /// How long the server may take until it answers, in seconds: it loads the model before.
    pub ready_timeout_s: u32,
}

/// Where the model comes from: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// A file that is in the guest already, for instance on a mounted directory.
    pub path: Option<String>,
    /// A file that is fetched: name, version, source and SHA-256.
    #[schemars(with = "Option<Value>")]
    pub artifact: Option<Artifact>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model: Model::default(),
            alias: None,
            host: "0.0.0.0".to_owned(),
            port: 8081,
            context: None,
            parallel: None,
            threads: None,
            gpu_layers: None,
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            api_key: None,
            gpus: Vec::new(),
            gpu_memory_percent: None,
            memory_mib: None,
            program: None,
            ready_timeout_s: 600,
        }
    }
}
