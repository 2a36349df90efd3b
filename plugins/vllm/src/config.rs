//! What the user writes for `vllm`.

use std::collections::BTreeMap;

use phoenix_core::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The version whose options this feature knows.
pub const VERSION: &str = "0.33.0";

/// The configuration of `vllm`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Engine options by vLLM's names (`max_model_len`), flat or in groups (`ModelConfig`, `CacheConfig`, …). `model` is
    /// needed.
    pub engine: Map<String, Value>,
    /// The version of vLLM.
    pub version: String,
    /// A container image instead of packages from PyPI, with tag and digest:
    /// `vllm/vllm-openai:v0.33.0@sha256:…`. Needs the features `docker` and `gpu` with `docker: true`.
    pub image: Option<String>,
    /// The version of Python that the virtual environment is made with.
    pub python: String,
    /// Where packages come from.
    pub packages: Packages,
    /// The user that the server runs as.
    pub user: String,
    /// Where models are kept.
    pub model_dir: String,
    /// Further variables of the server's environment.
    pub environment: BTreeMap<String, String>,
    /// The token for Hugging Face.
    #[schemars(with = "Option<String>")]
    pub hf_token: Option<SecretRef>,
    /// The key that clients must present.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<SecretRef>,
    /// The cards that it computes on, by their numbers on the node; the first ones if not given. None takes no share of
    /// any card.
    pub gpus: Option<Vec<u32>>,
    /// Memory that the guest must have at least, in MiB.
    pub memory_mib: Option<u64>,
    /// How long the server may take until it answers, in seconds: it downloads and loads the model before.
    pub ready_timeout_s: u32,
}

/// Where packages come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Packages {
    /// An index instead of PyPI.
    pub index_url: Option<String>,
    /// A further index, for instance PyTorch's for another CUDA.
    pub extra_index_url: Option<String>,
    /// A directory or page with wheels.
    pub find_links: Option<String>,
    /// Further requirements, pinned (`NAME==VERSION`).
    pub requirements: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            engine: Map::new(),
            version: VERSION.to_owned(),
            image: None,
            python: "3.12".to_owned(),
            packages: Packages::default(),
            user: "vllm".to_owned(),
            model_dir: "/var/lib/vllm".to_owned(),
            environment: BTreeMap::new(),
            hf_token: None,
            api_key: None,
            gpus: None,
            memory_mib: None,
            ready_timeout_s: 1800,
        }
    }
}
