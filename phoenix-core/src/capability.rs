//! Capabilities: what code that nobody of this project has read may ask about and do at the site of its feature. A
//! plugin's manifest declares them and the user grants them; only what stands in both is allowed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a plugin may ask about and do. In patterns `*` stands for any text; a path stands for itself and for all below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// Paths of files, directories and links that may be read, written and removed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<String>,
    /// Paths that may be read beyond those.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<String>,
    /// Paths that symbolic links may point to beyond those of `files`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<String>,
    /// Patterns of Debian packages.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<String>,
    /// Patterns of systemd units, with their suffix.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<String>,
    /// Patterns of user accounts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<String>,
    /// Patterns of groups that those may be put in.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Programs, with the first of their arguments where those are given: `psql`, or `runuser -u postgres`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: BTreeSet<String>,
    /// Patterns of what may be asked of the guest: `nesting`, `memory`, `device:/dev/dri/*`, `mount:/srv/media`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub claims: BTreeSet<String>,
    /// Patterns of where artifacts come from: URLs, and `file:` before a path of the machine that Phoenix runs on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub downloads: BTreeSet<String>,
    /// Patterns of references to secrets, such as `env:APP_*`; `config` for those that the feature's configuration names.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
}

impl Capabilities {
    /// Tells whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
