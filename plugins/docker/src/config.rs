//! What the user writes for `docker`.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Problems, render::is_variable};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration of `docker`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The packages of the engine and its compose plugin. The distribution's are the default; Docker's own
    /// (`docker-ce`, `docker-ce-cli`, `containerd.io`, `docker-compose-plugin`) come from a source that `base-setup` adds.
    pub packages: BTreeSet<String>,
    /// A directory of the host that holds images, containers and volumes of a container guest. Docker cannot keep them on
    /// every storage of a container.
    pub data_root_on_host: Option<String>,
    /// The size at which a container's log is put aside, for instance `10m`.
    pub log_max_size: String,
    /// How many logs of a container are kept.
    pub log_max_file: u32,
    /// DNS servers of containers, if not the guest's.
    pub dns: Vec<String>,
    /// Mirrors of Docker's registry.
    pub registry_mirrors: Vec<String>,
    /// Access over the network, for clients that have a certificate.
    pub remote: Option<Remote>,
    /// Keys of `daemon.json` that no other key here has.
    pub daemon: Map<String, Value>,
    /// Variables of the engine's own environment, for instance `HTTPS_PROXY`.
    pub environment: BTreeMap<String, String>,
}

/// Access over the network. Whoever shows no certificate of the authority is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// The port; Docker's own is 2376.
    #[serde(default = "remote_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The absolute path of the certificate of the authority whose clients may come.
    pub authority: String,
    /// The absolute path of the engine's own certificate.
    pub certificate: String,
    /// The absolute path of its key.
    pub key: String,
}

fn remote_port() -> u16 {
    2376
}

impl Default for Config {
    fn default() -> Self {
        Self {
            packages: ["docker.io", "docker-compose-v2"].map(str::to_owned).into(),
            data_root_on_host: None,
            log_max_size: "10m".to_owned(),
            log_max_file: 3,
            dns: Vec::new(),
            registry_mirrors: Vec::new(),
            remote: None,
            daemon: Map::new(),
            environment: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for key in ["hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"] {
            if self.daemon.contains_key(key) {
                problems.add(
                    format!("/daemon/{key}"),
                    format!("`{key}` would open the engine; `remote` does it with certificates"),
                );
            }
        }
        for key in ["log-driver", "log-opts", "dns", "registry-mirrors"] {
            if self.daemon.contains_key(key) {
                problems
                    .add(format!("/daemon/{key}"), format!("`{key}` has a key of its own in this feature"));
            }
        }
        for (name, value) in &self.environment {
            if !is_variable(name, value) {
                problems.add(
                    format!("/environment/{name}"),
                    format!("`{name}` cannot be a variable, or not with this value"),
                );
            }
        }
        problems
    }
}
