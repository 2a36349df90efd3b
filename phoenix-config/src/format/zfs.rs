//! Pools, datasets and the storages that Proxmox VE sees on them.

use schemars::JsonSchema;
use serde::Deserialize;

/// ZFS on the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct Zfs {
    /// The most memory in GiB that the ARC takes.
    #[schemars(range(min = 1, max = 65536))]
    pub(crate) arc_max_gb: Option<u64>,
    /// The pools.
    #[serde(default)]
    pub(crate) pools: Vec<ZfsPool>,
    /// The datasets, each a storage named `<pool>-<name>`.
    #[serde(default)]
    pub(crate) datasets: Vec<Dataset>,
    /// What may be done to disks: nothing, by itself.
    pub(crate) settings: Option<ZfsSettings>,
}

/// What may be done to disks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZfsSettings {
    /// The predecessor's leave to overwrite disks. It allows nothing: `phoenix setup --wipe-disks` names each disk.
    #[serde(default)]
    pub(crate) allow_destructive_operations: bool,
}

/// A pool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZfsPool {
    /// Its name.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) name: String,
    /// How its disks stand together.
    pub(crate) raid_level: RaidLevel,
    /// Its disks, by their paths under `/dev/disk/by-id`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "device-path" }))]
    pub(crate) disks: Vec<String>,
    /// The size of its sectors as a power of two, given once when it is made: 12 (4 KiB) if not given.
    #[schemars(range(min = 9, max = 16))]
    pub(crate) ashift: Option<u32>,
    /// Properties of the pool (`autotrim`) and of its own file system (`compression`, `atime`), `key=value` with commas.
    #[schemars(extend("format" = "line"))]
    pub(crate) properties: Option<String>,
    /// Its usable size in GiB; guessed from the names of its disks if not given.
    #[schemars(range(min = 1))]
    pub(crate) size_gb: Option<u64>,
}

/// How disks stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum RaidLevel {
    #[serde(rename = "mirror")]
    Mirror,
    #[serde(rename = "RAIDZ1", alias = "raidz1", alias = "raidz")]
    Raidz1,
    #[serde(rename = "single")]
    Single,
    #[serde(rename = "stripe")]
    Stripe,
}

/// A dataset and the storage on it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct Dataset {
    /// Its name in the pool.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) name: String,
    /// Its pool.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) pool: String,
    /// ZFS properties, `key=value` with commas.
    #[schemars(extend("format" = "line"))]
    pub(crate) properties: Option<String>,
    /// The sort of storage that Proxmox VE sees; none if not given.
    pub(crate) proxmox_storage_type: Option<StorageKind>,
    /// What the storage may hold: `images`, `rootdir`, `vztmpl`, `iso`, `backup`, `snippets`, `import`, with commas.
    #[schemars(extend("format" = "content"))]
    pub(crate) proxmox_content_type: Option<String>,
    /// Never read.
    pub(crate) storage_class: Option<String>,
    /// A storage of that name that is there and is not Phoenix's is taken over, and changed where it differs.
    #[serde(default)]
    pub(crate) adopt: bool,
}

/// A sort of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StorageKind {
    Zfspool,
    Dir,
}
