//! What the user writes for `ollama`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `ollama`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address that it listens on.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
    /// Models that it shall have, by their names in its library, for instance `llama3.2:3b`. Others stay.
    pub models: BTreeSet<String>,
    /// Where models are kept.
    pub model_dir: String,
    /// Further variables of the server's environment, for instance `OLLAMA_KEEP_ALIVE`.
    pub environment: BTreeMap<String, String>,
    /// The cards that it computes on, by their numbers on the node.
    pub gpus: Vec<u32>,
    /// How much of each card's memory it takes at most, in hundredths: it is added up with what others take.
    pub gpu_memory_percent: Option<u32>,
    /// Memory that the guest must have at least, in MiB.
    pub memory_mib: Option<u64>,
    /// How long the server may take until it answers, in seconds.
    pub ready_timeout_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            port: 11434,
            models: BTreeSet::new(),
            model_dir: "/var/lib/ollama/models".to_owned(),
            environment: BTreeMap::new(),
            gpus: Vec::new(),
            gpu_memory_percent: None,
            memory_mib: None,
            ready_timeout_s: 120,
        }
    }
}
