//! Software of the host itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Software of the host itself: what `phoenix setup` brings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostEntry {
    /// Where packages come from beside Debian's own: `pve-no-subscription`, `pve-enterprise`, `ceph-squid-no-subscription` and
    /// the like by their names, others as objects. As soon as there is any, sources that need a subscription and stand on
    /// the host undeclared are switched off in their files.
    #[serde(default)]
    pub(crate) repositories: Vec<RepositoryEntry>,
    /// Debian packages to install.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "tag" }))]
    pub(crate) packages: Vec<String>,
    /// Servers that it has the time from.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) time_servers: Vec<String>,
    /// What sets the clock: `chrony` or `systemd-timesyncd`; what the host has if not given, else `chrony`.
    pub(crate) time_program: Option<TimeProgram>,
    /// The program `phoenix` is on the host itself, with its completions.
    #[serde(default)]
    pub(crate) phoenix_program: bool,
    /// AppArmor profiles that containers name, by their names.
    #[serde(default)]
    pub(crate) apparmor_profiles: BTreeMap<String, ProfileEntry>,
}

/// A source of packages: a name that is known, or all of it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RepositoryEntry {
    /// One that is known by its name.
    Known(String),
    /// One of others.
    Other(Repository),
}

/// A source of packages of others.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repository {
    /// The name of its file, without `.sources`.
    #[schemars(extend("format" = "tag"))]
    pub(crate) name: String,
    /// Where it is.
    pub(crate) uris: Vec<String>,
    /// Its suites; that of the host's release if there are none.
    #[serde(default)]
    pub(crate) suites: Vec<String>,
    /// Its components; none for a flat repository.
    #[serde(default)]
    pub(crate) components: Vec<String>,
    /// The armored public key that its signatures are checked with, or the path of a keyring on the host.
    pub(crate) signed_by: Option<String>,
    /// Where the keyring is fetched, instead of `signed_by`.
    #[schemars(extend("format" = "url"))]
    pub(crate) key_url: Option<String>,
    /// The SHA-256 of the keyring that is fetched.
    #[schemars(extend("format" = "sha256"))]
    pub(crate) key_sha256: Option<String>,
}

/// What sets the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TimeProgram {
    /// The package `chrony`.
    Chrony,
    /// The package `systemd-timesyncd`.
    SystemdTimesyncd,
}

/// An AppArmor profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileEntry {
    /// Its text.
    pub(crate) text: Option<String>,
    /// A file of the config directory that has its text, instead of `text`.
    #[schemars(extend("format" = "property"))]
    pub(crate) file: Option<String>,
}
