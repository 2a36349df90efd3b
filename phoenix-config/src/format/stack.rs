//! Compose stacks: the manifest beside each compose file, and the predecessor's catalogue of all.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::firewall::Rule;

/// `stacks/<name>/phoenix.json`: a stack.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; a later release applies it")]
pub(crate) struct Stack {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// What it is.
    pub(crate) description: Option<String>,
    /// The compose file. Never read: it stands beside the manifest.
    pub(crate) compose_file_path: Option<String>,
    /// Its environments by name; `production` is the one that runs.
    pub(crate) environments: BTreeMap<String, Environment>,
}

/// An environment of a stack.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    /// Variables of the compose file.
    #[serde(default)]
    pub(crate) variables: Vec<Variable>,
    /// Files that are put into its containers.
    #[serde(default)]
    pub(crate) files: Vec<StackFile>,
    /// Its services by their names in the compose file.
    #[serde(default)]
    pub(crate) services: BTreeMap<String, Service>,
    /// Firewall rules of the guest that it runs in.
    #[serde(default)]
    pub(crate) firewall_rules: Vec<Rule>,
}

/// A variable.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// Its name.
    #[schemars(extend("format" = "line"))]
    pub(crate) name: String,
    /// Its value; a secret's is a reference: `env:`, `file:` or `cmd:`.
    pub(crate) value: String,
}

/// A file that is put into a container.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; a later release applies it")]
pub(crate) struct StackFile {
    /// Its path beside the manifest.
    pub(crate) source: String,
    /// Its path in the container.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) destination_in_container: String,
}

/// A service of a stack.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// Labels for the reverse proxy, `key=value`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "label" }))]
    pub(crate) traefik_labels: Vec<String>,
}

/// `phoenix_stacks_config.json`: the predecessor's catalogue. Never read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked")]
pub(crate) struct StacksFile {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// The stacks by name.
    #[serde(default)]
    pub(crate) docker_stacks: BTreeMap<String, Stack>,
}
