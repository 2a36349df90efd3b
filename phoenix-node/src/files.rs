//! Files of the node's directory: JSON, written beside itself and renamed, some of it for its owner alone.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::NodeError;

/// Reads a JSON file; nothing if it is not there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, NodeError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io("read", path, source)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| NodeError::Parse { path: path.to_owned(), source })
}

/// Writes a value as JSON, beside itself first.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), NodeError> {
    let beside = path.with_extension("json.new");
    fs::write(&beside, to_bytes(value))
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| io("write", path, source))
}

/// Writes a file that only its owner can read, beside itself first.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), NodeError> {
    let beside = path.with_extension("new");
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        // One that was left behind may be open to others.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|source| io("write", path, source))
}

/// Returns a value as JSON.
pub(crate) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("the state has only text keys")
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), NodeError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io("remove", path, source)),
        _ => Ok(()),
    }
}

/// Returns the JSON files of a folder, sorted.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, NodeError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io("read", dir, source)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

/// Returns the error of something that was tried with a file.
pub(crate) fn io(verb: &'static str, path: &Path, source: std::io::Error) -> NodeError {
    NodeError::Io { verb, path: path.to_owned(), source }
}
