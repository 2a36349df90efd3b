//! What the user writes for `nfs-mounts`.

use std::{collections::BTreeSet, net::IpAddr};

use phoenix_core::{Problems, path};
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `nfs-mounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is mounted.
    pub mounts: Vec<Mount>,
}

/// A directory of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The server's address: a mount shall not wait for names.
    #[schemars(with = "String")]
    pub server: IpAddr,
    /// The absolute path that it exports.
    pub path: String,
    /// The absolute path here.
    pub target: String,
    /// Nothing can be written.
    #[serde(default)]
    pub read_only: bool,
}

impl Mount {
    /// Returns what is mounted, in the words of `mount`.
    pub fn source(&self) -> String {
        match self.server {
            IpAddr::V4(address) => format!("{address}:{}", self.path),
            IpAddr::V6(address) => format!("[{address}]:{}", self.path),
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let mut targets = BTreeSet::new();
        for (at, mount) in self.mounts.iter().enumerate() {
            for (key, path) in [("path", &mount.path), ("target", &mount.target)] {
                if !path::is_plain(path) {
                    let pointer = format!("/mounts/{at}/{key}");
                    problems.add(pointer, format!("`{path}` is no absolute path of plain letters"));
                }
            }
            if !targets.insert(&mount.target) {
                let pointer = format!("/mounts/{at}/target");
                problems.add(pointer, format!("two are mounted at `{}`", mount.target));
            }
        }
        problems
    }
}
