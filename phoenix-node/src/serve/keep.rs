//! What must outlive the process: the key that signs tickets. The file is for its owner alone.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{error::NodeError, files, state::secret};

const FILE: &str = "access.json";

/// The keys of a served node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Keys {
    /// Signs tickets.
    pub(super) signing: Vec<u8>,
}

/// Reads the keys, or makes them.
pub(super) fn load(folder: Option<&Path>) -> Result<Keys, NodeError> {
    if let Some(folder) = folder
        && let Some(keys) = files::read(&folder.join(FILE))?
    {
        return Ok(keys);
    }
    let signing = secret::random::<32>().map_err(|source| NodeError::Random { source })?.to_vec();
    Ok(Keys { signing })
}

/// Writes the keys; a node in memory has no folder.
pub(super) fn save(folder: Option<&Path>, keys: &Keys) -> Result<(), NodeError> {
    let Some(folder) = folder else { return Ok(()) };
    let text =
        serde_json::to_vec(keys).map_err(|source| NodeError::Parse { path: folder.join(FILE), source })?;
    write(folder, FILE, &text)
}

/// Writes a file that only its owner can read.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), NodeError> {
    files::write_private(&folder.join(name), content)
}
