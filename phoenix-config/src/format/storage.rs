//! Storages that stand on no dataset.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A storage that stands on no dataset. With the keys of its sort, `phoenix setup` defines it; without any, it is one that
/// is there and that guests use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StorageEntry {
    /// Its id.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) name: String,
    /// The sort of storage: `dir`, `btrfs`, `zfspool`, `lvmthin`, `nfs`, `cifs`, `pbs`, …
    #[schemars(extend("format" = "property"))]
    pub(crate) plugin: String,
    /// What it may hold, with commas.
    #[schemars(extend("format" = "content"))]
    pub(crate) content: String,
    /// Its size in GiB.
    #[schemars(range(min = 1))]
    pub(crate) size_gb: Option<u64>,
    /// The directory, of `dir` and `btrfs`.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: Option<String>,
    /// The name or address of the server, of `nfs`, `cifs` and `pbs`.
    #[schemars(extend("format" = "property"))]
    pub(crate) server: Option<String>,
    /// The directory on the server, of `nfs`.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) export: Option<String>,
    /// The share, of `cifs`.
    #[schemars(extend("format" = "line"))]
    pub(crate) share: Option<String>,
    /// The datastore, of `pbs`.
    #[schemars(extend("format" = "line"))]
    pub(crate) datastore: Option<String>,
    /// The namespace in the datastore, of `pbs`.
    #[schemars(extend("format" = "line"))]
    pub(crate) namespace: Option<String>,
    /// The fingerprint of the server's certificate, of `pbs`.
    #[schemars(extend("format" = "line"))]
    pub(crate) fingerprint: Option<String>,
    /// Who logs in at the server, of `cifs` and `pbs`.
    #[schemars(extend("format" = "line"))]
    pub(crate) username: Option<String>,
    /// A reference to the password: `env:`, `file:` or `cmd:`. It is told when the storage is made.
    #[schemars(extend("format" = "secret"))]
    pub(crate) password: Option<String>,
    /// The volume group, of `lvm` and `lvmthin`.
    #[schemars(extend("format" = "line"))]
    pub(crate) vgname: Option<String>,
    /// The thin pool in the volume group, of `lvmthin`.
    #[schemars(extend("format" = "line"))]
    pub(crate) thinpool: Option<String>,
    /// The pool or dataset, of `zfspool`.
    #[schemars(extend("format" = "line"))]
    pub(crate) pool: Option<String>,
    /// The nodes that use it; all if not given.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "hostname" }))]
    pub(crate) nodes: Vec<String>,
    /// Every node sees the same.
    pub(crate) shared: Option<bool>,
    /// Further properties in Proxmox VE's words, for instance `prune-backups`, `options`, `mkdir`; an empty one is taken
    /// away.
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, String>,
    /// One that is there and is not Phoenix's is taken over, and changed where it differs.
    #[serde(default)]
    pub(crate) adopt: bool,
}

impl StorageEntry {
    /// Returns the keys of its sort that are given, in PVE's words.
    pub(crate) fn own(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("path", &self.path),
            ("server", &self.server),
            ("export", &self.export),
            ("share", &self.share),
            ("datastore", &self.datastore),
            ("namespace", &self.namespace),
            ("fingerprint", &self.fingerprint),
            ("username", &self.username),
            ("vgname", &self.vgname),
            ("thinpool", &self.thinpool),
            ("pool", &self.pool),
        ];
        let given = pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        given.chain(self.properties.clone()).collect()
    }
}
