//! Plugins of others: each is listed with its SHA-256 and what it may do; nothing is ever looked for.

use std::collections::BTreeSet;

use phoenix_core::Capabilities;
use schemars::JsonSchema;
use serde::Deserialize;

/// A plugin.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plugin {
    /// The library; a relative path starts at the config directory.
    #[schemars(extend("format" = "line"))]
    pub(crate) path: String,
    /// The SHA-256 of the library: any other file under this path is refused. `phoenix plugin explain FILE` tells it.
    #[schemars(extend("format" = "sha256"))]
    pub(crate) sha256: String,
    /// It runs inside Phoenix instead of in a process of its own: faster, and whatever it does wrong, Phoenix does.
    #[serde(default)]
    pub(crate) in_process: bool,
    /// What it may do, at most what its manifest declares; nothing if not given.
    #[serde(default)]
    pub(crate) grant: Grant,
    /// How long one call of it may take in seconds; 10 if not given.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) timeout_s: Option<u32>,
}

/// What a plugin may do. In patterns `*` stands for any text; a path stands for itself and for all below.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Grant {
    /// Paths inside its guests that it may read, write and remove.
    #[schemars(extend("items" = { "type": "string", "format": "absolute-path" }))]
    pub(crate) files: BTreeSet<String>,
    /// Paths inside its guests that it may read beyond those.
    #[schemars(extend("items" = { "type": "string", "format": "absolute-path" }))]
    pub(crate) reads: BTreeSet<String>,
    /// Paths inside its guests that its symbolic links may point to beyond those of `files`.
    #[schemars(extend("items" = { "type": "string", "format": "absolute-path" }))]
    pub(crate) links: BTreeSet<String>,
    /// Debian packages that it may install: `postgresql*`.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) packages: BTreeSet<String>,
    /// Systemd units that it may set, with their suffix: `postgresql.service`.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) units: BTreeSet<String>,
    /// User accounts that it may make.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) users: BTreeSet<String>,
    /// Groups that it may put those in.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) groups: BTreeSet<String>,
    /// Programs that it may run, with their first arguments where those are given: `psql`, `runuser -u postgres`.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) commands: BTreeSet<String>,
    /// What it may ask of its guests: `nesting`, `memory`, `device:/dev/dri/*`, `mount:/srv/media`.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) claims: BTreeSet<String>,
    /// Where it may have artifacts from: URLs, and `file:` before a path of the machine that Phoenix runs on.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) downloads: BTreeSet<String>,
    /// References to secrets that it may have resolved inside its guests: `env:APP_*`; `config` stands for those that its
    /// features' configurations name.
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) secrets: BTreeSet<String>,
}

impl From<Grant> for Capabilities {
    fn from(grant: Grant) -> Self {
        let Grant {
            files,
            reads,
            links,
            packages,
            units,
            users,
            groups,
            commands,
            claims,
            downloads,
            secrets,
        } = grant;
        Self { files, reads, links, packages, units, users, groups, commands, claims, downloads, secrets }
    }
}
