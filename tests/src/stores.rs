//! Stores: what `cargo xtask test stores` has prepared on this machine for guests whose network leads nowhere. The
//! engine shows the mirror of packages to its containers; a lab that is given the stores has artifacts from this machine.

use std::{collections::BTreeMap, path::Path};

use phoenix_core::{Artifact, Desired, artifact::Artifacts};

pub(crate) const CACHE: &str = "/var/cache/phoenix";

/// Where a guest finds wheels: for `pip install --no-index --find-links`.
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
        let index = cache.join("artifacts/index.json");
        let mut artifacts = BTreeMap::new();
        if index.exists() {
            artifacts = phoenix_config::read_artifacts(&index).map_err(|fault| fault.to_string())?;
        }
        match wanted.iter().find(|name| !artifacts.contains_key(**name)) {
            Some(name) => Err(lacking(&format!("the artifact `{name}`"))),
            None => Ok(Self { artifacts }),
        }
    }

    /// Gives the stores to a lab: artifacts come from this machine. Packages do anyway, by the engine's mirror.
    pub fn give(&self, desired: &mut Desired) {
        desired.artifacts.offered.extend(self.artifacts.clone());
    }

    /// Returns where artifacts come from.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts { replaced: self.artifacts.clone(), ..Artifacts::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

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
        let entry = json!({"version": "3", "file": "t.tar.gz", "sha256": "a"});
        fs::write(dir.path().join("artifacts/index.json"), json!({"traefik": entry}).to_string()).unwrap();
        let found = Stores::below(dir.path(), &["traefik"]).unwrap().artifacts();
        assert_eq!(found.replaced["traefik"].version, "3");
    }
}
