//! Trees of files: copied with all that they are, removed with all that is in them.

use std::{fs, io, path::Path, time::Duration};

use crate::{SandboxError, run};

/// How long it may take to copy or remove a tree.
const COPY: Duration = Duration::from_secs(1800);

/// Returns the names in a directory; none if it is not there.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, SandboxError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SandboxError::file("read", dir)(source)),
    };
    entries
        .map(|entry| {
            Ok(entry.map_err(SandboxError::file("read", dir))?.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

/// Makes a directory and those above it.
pub(crate) fn make(path: &Path) -> Result<(), SandboxError> {
    fs::create_dir_all(path).map_err(SandboxError::file("make", path))
}

/// Copies a tree with owners, links, devices and attributes, half made under another name first.
pub(crate) async fn copy_tree(from: &Path, to: &Path) -> Result<(), SandboxError> {
    let half = to.with_extension("half");
    remove(&half).await?;
    let words = ["cp".into(), "-a".into(), "--reflink=auto".into(), "--".into(), text(from)?, text(&half)?];
    run(&words, b"", COPY).await?;
    fs::rename(&half, to).map_err(SandboxError::file("rename", &half))
}

/// Removes a tree, if there is one; never what is mounted in it.
pub(crate) async fn remove(path: &Path) -> Result<(), SandboxError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let words = ["rm".into(), "-rf".into(), "--one-file-system".into(), "--".into(), text(path)?];
    run(&words, b"", COPY).await.map(drop)
}

/// Returns a path as a word of a command.
pub(crate) fn text(path: &Path) -> Result<String, SandboxError> {
    let text =
        path.to_str().ok_or_else(|| SandboxError::Wrong(format!("`{}` is no UTF-8", path.display())))?;
    Ok(text.to_owned())
}
