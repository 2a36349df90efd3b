//! Removing trees: only what lies in its store, and nothing that is mounted from elsewhere. Links are never followed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::SandboxError;

/// Fails unless a path is a folder right in the store with nothing mounted on or in it.
pub(crate) fn check(store: &Path, path: &Path) -> Result<(), SandboxError> {
    let real = |path: &Path| path.canonicalize().map_err(SandboxError::file("find", path));
    let parent = path.parent().unwrap_or(path);
    if path.file_name().is_none() || real(parent)? != real(store)? {
        let text = format!("`{}` is no image of `{}`: it is not removed", path.display(), store.display());
        return Err(SandboxError::Wrong(text));
    }
    let kind = fs::symlink_metadata(path).map_err(SandboxError::file("find", path))?;
    if !kind.is_dir() {
        return Err(SandboxError::Wrong(format!("`{}` is no folder: it is not removed", path.display())));
    }
    unmounted(&real(path)?)
}

/// Removes what killed processes left in a store, by the start of its name. The caller holds the lock of it.
pub(crate) async fn remove_remains(store: &Path, prefix: &str) -> Result<(), SandboxError> {
    for entry in fs::read_dir(store).map_err(SandboxError::file("read", store))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            // What the killed process started may still write there for a moment: the next one removes the rest.
            let removed = match unmounted(&path) {
                Ok(()) => remove(path).await,
                Err(error) => Err(error),
            };
            if let Err(error) = removed {
                tracing::debug!("{error}");
            }
        }
    }
    Ok(())
}

/// Removes a folder, without following links.
pub(crate) async fn remove(path: PathBuf) -> Result<(), SandboxError> {
    let gone = path.clone();
    let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(&gone)).await;
    removed.map_err(std::io::Error::other).flatten().map_err(SandboxError::file("remove", &path))
}

/// Removing does not stop at mounts: what somebody bound into a tree would be lost with it.
fn unmounted(path: &Path) -> Result<(), SandboxError> {
    let table = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(table).map_err(SandboxError::file("read", table))?;
    match mounted(&text, path) {
        None => Ok(()),
        Some(point) => Err(SandboxError::Wrong(format!(
            "something is mounted at `{}`: `umount` it first; `{}` is not removed",
            point.display(),
            path.display()
        ))),
    }
}

fn mounted(table: &str, path: &Path) -> Option<PathBuf> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    // The kernel writes these four characters as octal numbers.
    let plain = |point: &str| {
        point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
    };
    points.map(|point| PathBuf::from(plain(point))).find(|point| point.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::store::Images;

    #[tokio::test]
    async fn a_tree_goes_and_what_its_links_point_at_stays() {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("store");
        let outside = place.path().join("outside");
        fs::create_dir_all(store.join("tree/below")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("kept"), "").unwrap();
        std::os::unix::fs::symlink(&outside, store.join("tree/below/link")).unwrap();
        std::os::unix::fs::symlink(&outside, store.join("linked")).unwrap();
        let images = Images::new(place.path().join("cache"), &store);
        for path in
            [outside.clone(), store.clone(), store.join("linked"), store.join("tree/below"), store.join("..")]
        {
            images.remove_tree(&path).await.expect_err("not a tree of the store");
        }
        images.remove_tree(&store.join("tree")).await.unwrap();
        assert!(!store.join("tree").exists());
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn a_mount_below_a_tree_is_found_also_under_an_odd_name() {
        let table = "22 1 8:1 / / rw - ext4 x rw\n30 22 8:1 / /store/a\\040tree/mnt rw - ext4 x rw\n";
        assert_eq!(mounted(table, Path::new("/store/a tree")), Some("/store/a tree/mnt".into()));
        assert_eq!(mounted(table, Path::new("/store/a")), None);
    }
}
