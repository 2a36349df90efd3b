//! Directories of the host that guests share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A directory of the host, mounted in containers and, by NFS, in virtual machines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VolumeEntry {
    /// The absolute path on the host.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: String,
    /// The owner, as a uid of the guests. If neither owner nor group is given, it is root's when it is made, and the
    /// guests' own to give away from then on.
    #[schemars(range(max = 65535))]
    pub(crate) uid: Option<u32>,
    /// The group, as a gid of the guests; the number of the owner if not given.
    #[schemars(range(max = 65535))]
    pub(crate) gid: Option<u32>,
    /// Permissions in octal; `0750` if not given.
    #[schemars(extend("format" = "octal"))]
    pub(crate) mode: Option<String>,
    /// Where it is mounted: the absolute path inside, by the guest's vmid.
    #[schemars(extend("propertyNames" = { "format": "vmid" }))]
    pub(crate) mounts: BTreeMap<String, MountEntry>,
}

/// A volume in a guest: its path inside, or more about it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum MountEntry {
    /// The absolute path inside.
    Path(#[schemars(extend("format" = "absolute-path"))] String),
    /// The same with more.
    Full(FullMount),
}

/// A volume in a guest.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullMount {
    /// The absolute path inside.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: String,
    /// Nothing can be written.
    #[serde(default)]
    pub(crate) read_only: bool,
}
