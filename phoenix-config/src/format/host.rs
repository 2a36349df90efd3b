//! Software of the host itself.

use schemars::JsonSchema;
use serde::Deserialize;

/// Software of the host itself: what `phoenix setup` brings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostEntry {
    /// Debian packages to install.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "tag" }))]
    pub(crate) packages: Vec<String>,
}
