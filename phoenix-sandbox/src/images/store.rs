//! The images of one node: tarballs in a cache that nodes share, and trees unpacked from them in the node's own folder.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Owners,
    command::run,
    error::SandboxError,
    holder::find,
    images::{
        build::{LIMIT, architecture, build, open_to_all, recipe, recipe_of},
        family::{ENDINGS, Family, families, family, stem, written_architecture},
        lock::lock,
        tree,
    },
};

/// For unpacking one tarball, on a slow disk.
const UNPACK_LIMIT: Duration = Duration::from_secs(600);

const UNPACK: &str = include_str!("unpack.sh");

/// What root of an unprivileged container may be on this machine, in the form of `/etc/subuid`.
const IDS: &str = "root:100000:65536\n";

/// Images of operating systems: a cache of tarballs, and a store of trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    cache: PathBuf,
    store: PathBuf,
}

impl Images {
    /// Returns the images whose tarballs lie in `cache` and whose trees lie in `store`. Nothing is made yet.
    pub fn new(cache: impl Into<PathBuf>, store: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into(), store: store.into() }
    }

    /// Returns the cache.
    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }

    /// Tells whether the tarball of a template is in the cache, and not one of a former recipe.
    pub fn is_there(&self, name: &str) -> bool {
        self.fresh(name).is_some()
    }

    /// Returns the tarball of a template (`debian-12-standard_12.7-1_amd64.tar.zst`, or `debian-12-standard`): the file
    /// of that name in the cache, else the one of its family, which is built if it is not there or was built by another
    /// recipe. That takes minutes, and `progress` hears how it goes.
    pub async fn tarball(
        &self,
        name: &str,
        progress: impl Fn(String) + Sync,
    ) -> Result<PathBuf, SandboxError> {
        if let Some(path) = self.fresh(name) {
            return Ok(path);
        }
        let family = self.known(name)?;
        fs::create_dir_all(&self.cache).map_err(SandboxError::file("make", &self.cache))?;
        let path = self.cache.join(format!(".{}.lock", family.name));
        let waiting = || progress(format!("`{}`: another process is building it; waiting", family.name));
        let _held = lock(&path, LIMIT, waiting).await?;
        if let Some(path) = self.fresh(name) {
            return Ok(path);
        }
        match (build(family, name, &self.cache, &progress).await, self.found(name)) {
            (Ok(path), _) => Ok(path),
            // A machine without a way to its mirror goes on with what it has.
            (Err(error), Some(old)) => {
                progress(format!("`{}` was built by another recipe, and is used: {error}", family.name));
                tracing::warn!(%error, "`{}` could not be built anew", family.name);
                Ok(old)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Returns the tree of a template, with the owners of the image, or shifted by 100000 as unprivileged containers
    /// need them. It is unpacked once. Whoever gets it never writes to it: containers stand on it.
    pub async fn unpack(&self, name: &str, owners: Owners) -> Result<PathBuf, SandboxError> {
        let tarball = self.tarball(name, |said| tracing::info!("{said}")).await?;
        let file = tarball.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mark = match owners {
            Owners::Plain => "",
            Owners::Shifted => "+shifted",
        };
        // Trees of another recipe stay what they are: containers stand on them.
        let built = family(&file).filter(|family| stem(&file) == family.name);
        let built = built.and_then(|family| recipe_of(&self.cache, family)).unwrap_or_default();
        let built = built.get(..12).map(|short| format!("@{short}")).unwrap_or_default();
        let tree = format!("{}{built}{mark}", stem(&file));
        let target = self.store.join(&tree);
        if target.is_dir() {
            return Ok(target);
        }
        if !rustix::process::geteuid().is_root() {
            return Err(SandboxError::NotRoot);
        }
        fs::create_dir_all(&self.store).map_err(SandboxError::file("make", &self.store))?;
        let _held = lock(&self.store.join(format!(".{tree}.lock")), UNPACK_LIMIT, || ()).await?;
        if target.is_dir() {
            return Ok(target);
        }
        let prefix = format!(".{tree}.unpack-");
        tree::remove_remains(&self.store, &prefix).await?;
        let place = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.store);
        let place = place.map_err(SandboxError::file("write", &self.store))?;
        let root = place.path().join("root");
        fs::create_dir(&root).map_err(SandboxError::file("make", &root))?;
        open_to_all(&root)?;
        let ids = match owners {
            Owners::Plain => None,
            Owners::Shifted => Some(ids(place.path(), &root)?),
        };
        let script = place.path().join("unpack.sh");
        fs::write(&script, UNPACK).map_err(SandboxError::file("write", &script))?;
        run(&words(&script, &tarball, &root, ids.as_deref())?, &[], UNPACK_LIMIT).await?;
        fs::rename(&root, &target).map_err(SandboxError::file("write", &target))?;
        Ok(target)
    }

    /// Removes a tree that was unpacked here. Fails for any other path, and while something is mounted in it.
    pub async fn remove_tree(&self, path: &Path) -> Result<(), SandboxError> {
        tree::check(&self.store, path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let _held = lock(&self.store.join(format!(".{name}.lock")), UNPACK_LIMIT, || ()).await?;
        // Gone at once for everybody, although removing takes a while and may be cut short.
        let prefix = format!(".{name}.unpack-");
        let place = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.store);
        let place = place.map_err(SandboxError::file("write", &self.store))?;
        fs::rename(path, place.path().join("root")).map_err(SandboxError::file("remove", path))?;
        tree::remove(place.keep()).await
    }

    fn found(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') || name.starts_with('.') {
            return None;
        }
        let family = family(name).filter(|_| fits(name));
        let exact = (stem(name) != name).then(|| name.to_owned());
        let ended = |name: &str| ENDINGS.map(|ending| format!("{name}{ending}"));
        let stems = [(stem(name) == name).then_some(name), family.map(|family| family.name)];
        let names = exact.into_iter().chain(stems.into_iter().flatten().flat_map(ended));
        names.map(|name| self.cache.join(name)).find(|path| path.is_file())
    }

    /// Returns the tarball of a template, unless it was built here by another recipe.
    fn fresh(&self, name: &str) -> Option<PathBuf> {
        let path = self.found(name)?;
        let file = path.file_name()?.to_str()?;
        let ours = family(file).filter(|family| file == format!("{}.tar.zst", family.name));
        let built = ours.and_then(|family| recipe_of(&self.cache, family));
        built.is_none_or(|built| built == recipe()).then_some(path)
    }

    fn known(&self, name: &str) -> Result<Family, SandboxError> {
        let put = format!("put its tarball at `{}`", self.cache.join(name.replace('/', "_")).display());
        let Some(family) = family(name) else {
            let known: Vec<&str> = families().iter().map(|family| family.name).collect();
            let known = known.join("`, `");
            return Err(SandboxError::Wrong(format!(
                "there is no image `{name}`, and it cannot be built: {put}, or use one of `{known}`"
            )));
        };
        if fits(name) {
            return Ok(family);
        }
        let machine = architecture()?;
        Err(SandboxError::Wrong(format!(
            "`{name}` is for another architecture than this machine's, `{machine}`: {put}"
        )))
    }
}

/// Tells whether a template's name has this machine's architecture, or none.
fn fits(name: &str) -> bool {
    written_architecture(name).is_none_or(|written| architecture().is_ok_and(|machine| machine == written))
}

/// Makes the root of a shifted tree its container's, and returns the file that says who that is.
fn ids(place: &Path, root: &Path) -> Result<PathBuf, SandboxError> {
    find("lxc-usernsexec", "lxc")?;
    find("newuidmap", "uidmap")?;
    let path = place.join("subid");
    fs::write(&path, IDS).map_err(SandboxError::file("write", &path))?;
    std::os::unix::fs::chown(root, Some(100_000), Some(100_000))
        .map_err(SandboxError::file("write", root))?;
    Ok(path)
}

fn words(
    script: &Path,
    tarball: &Path,
    root: &Path,
    ids: Option<&Path>,
) -> Result<Vec<String>, SandboxError> {
    find("tar", "tar")?;
    let name = tarball.to_string_lossy();
    let (option, program, package) = match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "zst" => ("--zstd", "zstd", "zstd"),
        "xz" => ("--xz", "xz", "xz-utils"),
        _gz => ("--gzip", "gzip", "gzip"),
    };
    find(program, package)?;
    // If this process is killed, so are tar and its helper.
    let mut words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"]
        .map(str::to_owned)
        .to_vec();
    words.push(script.display().to_string());
    words.push(name.into_owned());
    words.push(root.display().to_string());
    words.push(ids.map(|path| path.display().to_string()).unwrap_or_default());
    let tar =
        ["tar", "--extract", "--file=-", option, "--numeric-owner", "--same-owner", "--preserve-permissions"];
    words.extend(tar.map(str::to_owned));
    // LXC fills `/dev`. What a program may do beyond its user (ping) is an extended attribute.
    let rest = [
        "--xattrs",
        "--xattrs-include=security.capability",
        "--anchored",
        "--exclude=./dev/*",
        "--exclude=dev/*",
    ];
    words.extend(rest.map(str::to_owned));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tarball_that_a_user_put_there_wins_over_the_familys() {
        let cache = tempfile::tempdir().unwrap();
        let images = Images::new(cache.path(), cache.path().join("store"));
        let name = "debian-12-standard_12.7-1_amd64.tar.zst";
        assert!(!images.is_there(name));
        fs::write(cache.path().join("debian-12-standard.tar.zst"), "").unwrap();
        let found = images.tarball(name, |_| panic!("nothing is built")).await.unwrap();
        assert_eq!(found, cache.path().join("debian-12-standard.tar.zst"));
        fs::write(cache.path().join(name), "").unwrap();
        assert_eq!(
            images.tarball(name, |_| panic!("nothing is built")).await.unwrap(),
            cache.path().join(name)
        );
        fs::write(cache.path().join("mine.tar.gz"), "").unwrap();
        assert!(images.is_there("mine") && images.is_there("mine.tar.gz") && !images.is_there("mine.tar.xz"));
    }

    #[tokio::test]
    async fn a_tarball_of_another_recipe_counts_as_none() {
        let cache = tempfile::tempdir().unwrap();
        let images = Images::new(cache.path(), cache.path().join("store"));
        let name = "debian-12-standard";
        let tarball = cache.path().join("debian-12-standard.tar.zst");
        let note = |recipe: &str| {
            let text = format!(r#"{{"name": "{name}", "recipe": "{recipe}"}}"#);
            fs::write(cache.path().join("debian-12-standard.json"), text).unwrap();
        };
        fs::write(&tarball, "").unwrap();
        assert!(images.is_there(name), "somebody has put it there");
        note(&recipe());
        assert!(images.is_there(name));
        note("of another time");
        assert!(!images.is_there(name) && images.found(name).is_some());
        fs::write(cache.path().join("debian-12-standard_12.7-1_amd64.tar.zst"), "").unwrap();
        assert!(images.is_there("debian-12-standard_12.7-1_amd64.tar.zst"), "a user's own wins");
    }

    #[tokio::test]
    async fn an_unknown_image_is_refused_with_what_to_do() {
        let cache = tempfile::tempdir().unwrap();
        let images = Images::new(cache.path(), cache.path().join("store"));
        let said = images.tarball("plan-9.tar.xz", |_| ()).await.unwrap_err().to_string();
        assert!(said.contains("put its tarball at") && said.contains("debian-12-standard"), "{said}");
        fs::write(cache.path().join("debian-12-standard.tar.zst"), "").unwrap();
        let said = images
            .tarball("debian-12-standard_12.7-1_riscv64.tar.zst", |_| ())
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("another architecture"), "{said}");
        assert!(!images.is_there("../etc/passwd") && !images.is_there(".hidden"));
    }
}
