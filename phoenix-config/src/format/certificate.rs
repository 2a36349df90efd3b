//! The certificate manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `certificate-manifest.json`: an array of certificates.
pub(crate) type Manifest = Vec<Certificate>;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The name that it is for.
    #[schemars(extend("format" = "domain"))]
    pub common_name: String,
    /// All names that it is for; the common name alone if there are none.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub sans: Vec<String>,
    /// Where it is put on the host.
    #[schemars(extend("format" = "absolute-path"))]
    pub cert_path: String,
    /// Where its key is put on the host.
    #[schemars(extend("format" = "absolute-path"))]
    pub key_path: String,
    /// `user:group` of both.
    #[schemars(extend("format" = "owner"))]
    pub owner: String,
    /// Permissions of the key, in octal.
    #[schemars(extend("format" = "octal"))]
    pub permissions: String,
    /// What ran after a renewal, as shell text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_renewal_command: Option<String>,
}
