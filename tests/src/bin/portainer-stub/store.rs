//! What a server keeps between its lives: the administrator, environments and stacks, in one file.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The kept state.
pub(crate) struct Store {
    path: PathBuf,
    /// The digest of the administrator's password, once there is one.
    pub(crate) admin: Option<String>,
    pub(crate) endpoints: BTreeMap<u64, Value>,
    pub(crate) stacks: BTreeMap<u64, Value>,
    /// The file of each stack.
    pub(crate) files: BTreeMap<u64, String>,
    next: u64,
}

impl Store {
    /// Reads what was kept, or begins anew.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("portainer-stub.json");
        let kept: Value =
            fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let map = |key: &str| serde_json::from_value(kept[key].clone()).unwrap_or_default();
        Ok(Self {
            path,
            admin: kept["admin"].as_str().map(str::to_owned),
            endpoints: map("endpoints"),
            stacks: map("stacks"),
            files: serde_json::from_value(kept["files"].clone()).unwrap_or_default(),
            next: kept["next"].as_u64().unwrap_or(1),
        })
    }

    /// Keeps everything.
    pub(crate) fn save(&self) -> io::Result<()> {
        let kept = json!({
            "admin": self.admin, "endpoints": self.endpoints, "stacks": self.stacks, "files": self.files,
            "next": self.next,
        });
        let new = self.path.with_extension("new");
        fs::write(&new, kept.to_string())?;
        fs::rename(new, &self.path)
    }

    /// Returns a number that nothing has had.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

/// Returns the digest of a password or a token.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
