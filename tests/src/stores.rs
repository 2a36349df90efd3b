//! Stores: what `cargo xtask test stores` has prepared on this machine for guests whose network leads nowhere. A lab that
//! is given them installs from a mirror that stands in its guests, and from archives of this machine.

use std::{collections::BTreeMap, fs, path::Path};

use phoenix_core::{
    Artifact, Desired, FeatureUse,
    artifact::{Artifacts, Format, Source, Unpack},
};
use serde_json::{Value, json};

const CACHE: &str = "/var/cache/phoenix";

/// Where a guest finds the mirrors.
const MOUNTED: &str = "/srv/mirror";

/// Where a guest that has the stores finds wheels: for `pip install --no-index --find-links`.
pub const WHEELS: &str = "/srv/mirror/wheels";

/// What is prepared on this machine.
#[derive(Clone, Debug)]
pub struct Stores {
    artifacts: BTreeMap<String, Artifact>,
}

impl Stores {
    /// Returns what is there; or why not, if the mirror of Ubuntu, the wheels or one of these artifacts is missing.
    pub fn find(artifacts: &[&str]) -> Result<Self, String> {
        Self::below(Path::new(CACHE), artifacts)
    }

    fn below(cache: &Path, wanted: &[&str]) -> Result<Self, String> {
        let lacking =
            |what: &str| format!("{what} is not there: `cargo xtask test stores` makes it, as root");
        for (file, what) in [
            ("mirror/ubuntu-24.04/Packages", "the mirror of Ubuntu 24.04"),
            ("mirror/wheels", "the wheelhouse"),
        ] {
            if !cache.join(file).exists() {
                return Err(lacking(&format!("{what} (`{}`)", cache.join(file).display())));
            }
        }
        let folder = cache.join("artifacts");
        let text = fs::read(folder.join("artifacts.json")).unwrap_or_default();
        let entries: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
        let found = entries.iter().filter_map(|entry| artifact(&folder, entry));
        let artifacts: BTreeMap<_, _> = found.map(|artifact| (artifact.name.clone(), artifact)).collect();
        match wanted.iter().find(|name| !artifacts.contains_key(**name)) {
            Some(name) => Err(lacking(&format!("the artifact `{name}`"))),
            None => Ok(Self { artifacts }),
        }
    }

    /// Gives the stores to some guests of a lab: the mirrors are mounted in them, `base-setup` names their packages'
    /// source, and artifacts come from this machine.
    ///
    /// # Panics
    /// If one of the guests is not in the lab.
    pub fn give(&self, desired: &mut Desired, guests: &[&str]) {
        for guest in guests {
            let id = guest.parse().expect("an id");
            let declared = desired.resources.get_mut(&id).expect("a guest of the lab");
            // A line for LXC and no mount point: templates are cloned and guests have snapshots, and neither is done to
            // what has the host's directories among its mount points.
            let line =
                json!(["lxc.mount.entry", format!("{CACHE}/mirror srv/mirror none bind,ro,create=dir 0 0")]);
            match &mut declared.spec["raw"] {
                Value::Array(lines) => lines.push(line),
                none => *none = json!([line]),
            }
            let is_setup = |one: &&mut FeatureUse| one.name == "base-setup";
            if let Some(setup) = declared.features.iter_mut().find(is_setup) {
                setup.config["apt_sources"] = sources();
            } else {
                let config = json!({"packages": [], "apt_sources": sources()});
                declared.features.insert(0, FeatureUse::new("base-setup", config));
            }
        }
        desired.artifacts.replaced.extend(self.artifacts.clone());
    }

    /// Returns where artifacts come from.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts { replaced: self.artifacts.clone(), ..Artifacts::default() }
    }
}

fn sources() -> Value {
    json!([{"name": "lab", "uris": [format!("file:{MOUNTED}/ubuntu-24.04")], "suites": ["./"], "trusted": true}])
}

fn artifact(folder: &Path, entry: &Value) -> Option<Artifact> {
    let text = |key: &str| entry[key].as_str().map(str::to_owned);
    let path = folder.join(text("file")?);
    path.is_file().then_some(())?;
    Some(Artifact {
        name: text("name")?,
        version: text("version")?,
        source: Source::File(path.display().to_string()),
        sha256: text("sha256")?,
        unpack: Some(Unpack { format: Format::Tar, member: Some(text("member")?) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let why = |wanted: &[&str]| Stores::below(dir.path(), wanted).unwrap_err();
        assert!(why(&[]).contains("the mirror of Ubuntu 24.04"), "{}", why(&[]));
        fs::create_dir_all(dir.path().join("mirror/ubuntu-24.04")).unwrap();
        fs::write(dir.path().join("mirror/ubuntu-24.04/Packages"), "").unwrap();
        assert!(why(&[]).contains("cargo xtask test stores"), "{}", why(&[]));
        fs::create_dir_all(dir.path().join("mirror/wheels")).unwrap();
        assert_eq!(Stores::below(dir.path(), &[]).unwrap().artifacts(), Artifacts::default());
        assert!(why(&["traefik"]).contains("the artifact `traefik`"), "{}", why(&["traefik"]));
        fs::create_dir_all(dir.path().join("artifacts")).unwrap();
        let entry = json!({"name": "traefik", "version": "3", "file": "t.tar.gz", "member": "traefik", "sha256": "a"});
        fs::write(dir.path().join("artifacts/artifacts.json"), json!([entry]).to_string()).unwrap();
        assert!(why(&["traefik"]).contains("the artifact `traefik`"), "its file is not there");
        fs::write(dir.path().join("artifacts/t.tar.gz"), "").unwrap();
        let found = Stores::below(dir.path(), &["traefik"]).unwrap().artifacts();
        assert_eq!(found.replaced["traefik"].version, "3");
    }
}
