//! What the host serves over the network: NFS exports and Samba shares.

use schemars::JsonSchema;
use serde::Deserialize;

/// The NFS server of the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nfs {
    /// What it exports.
    #[serde(default)]
    pub(crate) exports: Vec<Export>,
}

/// An exported directory.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    /// The directory.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: String,
    /// Addresses or networks that may mount it.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "firewall-address" }))]
    pub(crate) clients: Vec<String>,
    /// Export options, for instance `rw`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "property" }))]
    pub(crate) options: Vec<String>,
}

/// The Samba server of the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Samba {
    /// The user that owns the shares.
    #[schemars(extend("format" = "user"))]
    pub(crate) user: Option<String>,
    /// A reference to that user's password: `env:`, `file:` or `cmd:`.
    #[schemars(extend("format" = "secret"))]
    pub(crate) password: Option<String>,
    /// Further users.
    #[serde(default)]
    pub(crate) users: Vec<SambaUser>,
    /// What it shares.
    #[serde(default)]
    pub(crate) shares: Vec<Share>,
}

/// A user of shares.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SambaUser {
    /// The login name. An account of the host is made if there is none.
    #[schemars(extend("format" = "user"))]
    pub(crate) name: String,
    /// A reference to the password: `env:`, `file:` or `cmd:`.
    #[schemars(extend("format" = "secret"))]
    pub(crate) password: Option<String>,
}

/// A share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`options` are decoded only so that they can be told of")]
pub(crate) struct Share {
    /// Its name.
    #[schemars(extend("format" = "line"))]
    pub(crate) name: String,
    /// The dataset or directory. It is made if it is missing.
    #[schemars(extend("format" = "line"))]
    pub(crate) path: String,
    /// Never read: `browsable`, `read_only` and `guest_ok` are the keys.
    pub(crate) options: Option<String>,
    /// It shows in listings.
    pub(crate) browsable: Option<bool>,
    /// Nothing can be written.
    pub(crate) read_only: Option<bool>,
    /// No password is asked.
    pub(crate) guest_ok: Option<bool>,
    /// Users that may use it.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "user" }))]
    pub(crate) valid_users: Vec<String>,
    /// The account that all its files belong to; the first of its users if not given.
    #[schemars(extend("format" = "user"))]
    pub(crate) owner: Option<String>,
}
