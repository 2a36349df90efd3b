//! Stores: what tests install in guests, whose network leads nowhere. Each is a directory of this machine that a script
//! under `tests/` fills from the machine's mirrors, made once for the lists and the script that are in this tree, and kept.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

use crate::{command::output, ui};

/// Where all stores are.
const CACHE: &str = "/var/cache/phoenix";
/// The file in a store that names the archives in it.
const ARTIFACTS: &str = "artifacts.json";
/// The file above the stores that names all of them, as `artifacts` of a host's file does.
const INDEX: &str = "index.json";
/// The file in a store that tells what it was made from.
const STAMP: &str = ".made-for";
/// The seconds that a script may take, on a slow line.
const LIMIT: &str = "1500";

/// One directory, and what fills it.
pub(crate) struct Store {
    /// Its path below the cache.
    place: &'static str,
    /// What it is, in words for people.
    pub(crate) what: &'static str,
    /// The script, which gets an empty directory and the other files.
    script: &'static str,
    /// What it reads, and what it reads beside that.
    files: &'static [&'static str],
    beside: &'static [&'static str],
    /// The image whose packages must fit those of the store, by its file in the cache.
    image: Option<&'static str>,
}

const STORES: [Store; 5] = [
    Store {
        place: "mirror/ubuntu-24.04",
        what: "the mirror of Ubuntu 24.04",
        script: "tests/mirror/apt.sh",
        files: &["tests/mirror/packages.txt"],
        beside: &[],
        image: Some("templates/ubuntu-24.04-standard.json"),
    },
    Store {
        place: "mirror/wheels",
        what: "the wheels for Python 3.12",
        script: "tests/mirror/wheels.sh",
        files: &["tests/mirror/wheels.txt"],
        beside: &[],
        image: None,
    },
    Store {
        place: "artifacts/traefik",
        what: "the archive of Traefik",
        script: "tests/artifacts/traefik.sh",
        files: &["tests/artifacts/traefik.txt"],
        beside: &["tests/artifacts/archive.sh"],
        image: None,
    },
    Store {
        place: "artifacts/smallstep",
        what: "the archives of step-ca and of what stands in for step",
        script: "tests/artifacts/smallstep.sh",
        files: &[
            "tests/artifacts/step-ca/main.go",
            "tests/artifacts/step/ca.go",
            "tests/artifacts/step/certificate.go",
            "tests/artifacts/step/init.go",
            "tests/artifacts/step/main.go",
            "tests/artifacts/step/sign.go",
        ],
        beside: &["tests/artifacts/archive.sh"],
        image: None,
    },
    Store {
        place: "artifacts/images",
        what: "the images of a service and of the stub of Portainer",
        script: "tests/artifacts/images.sh",
        files: &[
            "tests/artifacts/images/hello.rs",
            "tests/src/bin/portainer-stub/agent.rs",
            "tests/src/bin/portainer-stub/api.rs",
            "tests/src/bin/portainer-stub/docker.rs",
            "tests/src/bin/portainer-stub/endpoints.rs",
            "tests/src/bin/portainer-stub/main.rs",
            "tests/src/bin/portainer-stub/stacks.rs",
            "tests/src/bin/portainer-stub/store.rs",
            "tests/src/bin/portainer-stub/wire.rs",
        ],
        beside: &[],
        image: None,
    },
];

/// Tells why no store need or can be made here.
pub(crate) fn obstacle(root: &Path) -> Option<&'static str> {
    if std::env::consts::ARCH != "x86_64" {
        return Some("the mirrors that tests install from are for x86_64 alone");
    }
    let is_whole = missing(root).is_empty() && Path::new(CACHE).join("artifacts").join(INDEX).exists();
    is_whole.then_some("everything is there already")
}

/// Makes the stores that are missing. Where one cannot be made, the tests that need it skip themselves: that is told and
/// is no failure.
pub(crate) fn make(root: &Path) -> Result<(), String> {
    for store in missing(root) {
        match store.prepare(root) {
            Ok(()) => ui::line(&format!("made: {}", store.what)),
            Err(why) => ui::skipped("stores", &format!("{} could not be made: {why}", store.what)),
        }
    }
    index(Path::new(CACHE))
}

/// Returns the stores that are not there, or were made from something else.
fn missing(root: &Path) -> Vec<&'static Store> {
    STORES.iter().filter(|store| !store.is_ready(root, Path::new(CACHE))).collect()
}

impl Store {
    /// Fills it. What was there before stays if that fails.
    pub(crate) fn prepare(&self, root: &Path) -> Result<(), String> {
        self.fill(root, Path::new(CACHE))
    }

    fn is_ready(&self, root: &Path, cache: &Path) -> bool {
        let made_for = fs::read_to_string(cache.join(self.place).join(STAMP)).unwrap_or_default();
        self.recipe(root).is_ok_and(|recipe| recipe == made_for) && !self.is_behind(cache)
    }

    /// Returns all that decides what is in it.
    fn recipe(&self, root: &Path) -> io::Result<String> {
        let files = std::iter::once(&self.script).chain(self.files).chain(self.beside);
        files.map(|file| fs::read_to_string(root.join(file))).collect()
    }

    /// Tells whether its image was built later, from other versions: a package that is bound to the exact version of
    /// another could then not be installed.
    fn is_behind(&self, cache: &Path) -> bool {
        let Some(image) = self.image.map(|image| cache.join(image)) else { return false };
        let (place, changed) = (cache.join(self.place), |path: &Path| fs::metadata(path)?.modified());
        let (Ok(built), Ok(made)) = (changed(&image), changed(&place.join(STAMP))) else { return false };
        let contents: Value =
            fs::read(image).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let index = fs::read_to_string(place.join("Packages")).unwrap_or_default();
        let versions = versions(&index);
        let differs = |(name, version): (&String, &Value)| {
            versions.get(name.as_str()).is_some_and(|own| Some(*own) != version.as_str())
        };
        built > made && contents["packages"].as_object().is_some_and(|packages| packages.iter().any(differs))
    }

    fn fill(&self, root: &Path, cache: &Path) -> Result<(), String> {
        let place = cache.join(self.place);
        let file = |path: &Path| {
            let path = path.display().to_string();
            move |error: io::Error| format!("could not write `{path}`: {error}")
        };
        let aside = |ending: &str| -> PathBuf {
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            place.with_file_name(format!(".{name}.{ending}"))
        };
        fs::create_dir_all(place.parent().unwrap_or(cache)).map_err(file(&place))?;
        // Another run on this machine may be at it.
        let lock = File::create(aside("lock")).and_then(|lock| lock.lock().map(|()| lock));
        let _lock = lock.map_err(file(&place))?;
        if self.is_ready(root, cache) {
            return Ok(());
        }
        let (new, old) = (aside("new"), aside("old"));
        for remains in [&new, &old] {
            remove(remains).map_err(file(remains))?;
        }
        fs::create_dir_all(&new).map_err(file(&new))?;
        let recipe = self
            .recipe(root)
            .map_err(|error| format!("could not read what `{}` needs: {error}", self.script))?;
        // Whoever ends this run ends what it has begun.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "timeout"]);
        command.args([LIMIT, "sh"]).arg(root.join(self.script)).arg(&new);
        command.args(self.files.iter().map(|file| root.join(file)));
        let filled = output(&mut command);
        if let Err(why) = filled {
            remove(&new).map_err(file(&new))?;
            return Err(why);
        }
        fs::write(new.join(STAMP), recipe).map_err(file(&new))?;
        if place.exists() {
            fs::rename(&place, &old).map_err(file(&old))?;
        }
        fs::rename(&new, &place).map_err(file(&place))?;
        remove(&old).map_err(file(&old))
    }
}

/// Writes what archives there are in all stores, by their paths below the directory that they share. What stands in for
/// a program says so in its version.
fn index(cache: &Path) -> Result<(), String> {
    let folder = cache.join("artifacts");
    let mut all = Map::new();
    for store in STORES.iter().filter_map(|store| store.place.strip_prefix("artifacts/")) {
        let text = fs::read(folder.join(store).join(ARTIFACTS)).unwrap_or_default();
        let entries: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
        for entry in entries {
            let field = |key: &str| entry[key].as_str().unwrap_or_default();
            let mark = if field("is").contains("stand-in") { "-stand-in" } else { "" };
            let mut artifact = json!({
                "version": format!("{}{mark}", field("version")),
                "file": format!("{store}/{}", field("file")),
                "sha256": entry["sha256"],
            });
            // What has no member is taken as it is.
            if entry["member"].is_string() {
                artifact["unpack"] = json!({ "format": "tar", "member": entry["member"] });
            }
            all.insert(field("name").to_owned(), artifact);
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())? + "\n";
    fs::write(folder.join(INDEX), text).map_err(|error| format!("could not write `{INDEX}`: {error}"))
}

/// Returns the versions in an index of packages.
fn versions(index: &str) -> BTreeMap<&str, &str> {
    let (mut name, mut found) = ("", BTreeMap::new());
    for line in index.lines() {
        match line.split_once(": ") {
            Some(("Package", package)) => name = package,
            Some(("Version", version)) => drop(found.insert(name, version)),
            Some(_) | None => (),
        }
    }
    found
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place of a test's own, which goes with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("phoenix-stores-{name}-{}", std::process::id()));
            remove(&path).unwrap();
            fs::create_dir_all(path.join("tests")).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(remove(&self.0));
        }
    }

    const STORE: Store = Store {
        place: "mirror/one",
        what: "a store",
        script: "tests/one.sh",
        files: &["tests/one.txt"],
        beside: &[],
        image: Some("image.json"),
    };

    #[test]
    fn a_store_is_filled_once_and_again_for_another_list() {
        let scratch = Scratch::new("once");
        let (root, cache) = (scratch.0.clone(), scratch.0.join("cache"));
        scratch.write("tests/one.sh", "cp \"$2\" \"$1/Packages\"; date +%N >\"$1/when\"\n");
        scratch.write("tests/one.txt", "Package: jq\nVersion: 1\n");
        assert!(!STORE.is_ready(&root, &cache));
        STORE.fill(&root, &cache).unwrap();
        let when = || fs::read_to_string(cache.join("mirror/one/when")).unwrap();
        let first = when();
        STORE.fill(&root, &cache).unwrap();
        assert_eq!(when(), first);
        scratch.write("tests/one.txt", "Package: jq\nVersion: 2\n");
        assert!(!STORE.is_ready(&root, &cache));
        STORE.fill(&root, &cache).unwrap();
        assert!(STORE.is_ready(&root, &cache));
        assert_ne!(when(), first);
        let left: Vec<_> =
            fs::read_dir(cache.join("mirror")).unwrap().flatten().map(|it| it.file_name()).collect();
        assert_eq!(left.len(), 2, "the store and its lock, not {left:?}");
    }

    #[test]
    fn a_store_that_cannot_be_filled_says_why_and_leaves_the_former_one() {
        let scratch = Scratch::new("former");
        let (root, cache) = (scratch.0.clone(), scratch.0.join("cache"));
        scratch.write("tests/one.sh", "echo good >\"$1/is\"\n");
        scratch.write("tests/one.txt", "");
        STORE.fill(&root, &cache).unwrap();
        scratch.write("tests/one.sh", "echo bad >\"$1/is\"; echo 'no way to the archive' >&2; exit 100\n");
        let why = STORE.fill(&root, &cache).unwrap_err();
        assert!(why.contains("no way to the archive"), "{why}");
        assert_eq!(fs::read_to_string(cache.join("mirror/one/is")).unwrap(), "good\n");
        assert!(!cache.join("mirror/.one.new").exists());
    }

    #[test]
    fn an_image_that_was_built_later_from_other_versions_wants_another_store() {
        let scratch = Scratch::new("behind");
        let (root, cache) = (scratch.0.clone(), scratch.0.join("cache"));
        scratch.write("tests/one.sh", "cp \"$2\" \"$1/Packages\"\n");
        scratch.write("tests/one.txt", "Package: jq\nVersion: 1.7-1\n\nPackage: nginx\nVersion: 2\n");
        STORE.fill(&root, &cache).unwrap();
        let later = fs::metadata(cache.join("mirror/one").join(STAMP)).unwrap().modified().unwrap()
            + std::time::Duration::from_secs(9);
        let built = |packages: &str| {
            scratch.write("cache/image.json", &format!("{{\"packages\": {packages}}}"));
            File::options().write(true).open(cache.join("image.json")).unwrap().set_modified(later).unwrap();
        };
        built(r#"{"jq": "1.7-1", "curl": "8"}"#);
        assert!(STORE.is_ready(&root, &cache));
        built(r#"{"jq": "1.7-2", "curl": "8"}"#);
        assert!(!STORE.is_ready(&root, &cache));
    }

    #[test]
    fn the_key_of_the_mirror_is_the_one_that_images_are_built_with() {
        let root = crate::root();
        let script = fs::read_to_string(root.join(STORES[0].script)).unwrap();
        let own = fs::read_to_string(root.join("phoenix-sandbox/src/images/keyring.rs")).unwrap();
        for name in ["keyring_package=", "keyring_sum="] {
            let value = script.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            assert!(own.contains(&format!("\"{value}\"")), "{name}{value}");
        }
    }
}
