//! An artifact: a file that no distribution packages, pinned by version, place and checksum. Named once by the feature
//! that needs it; a site can have it from elsewhere, but never another content than its checksum says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where a guest keeps the stamps of its artifacts.
const STAMPS: &str = "/var/lib/phoenix/artifacts";

/// A file that no distribution packages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its name; features that install one of the same name pin it alike.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is had from.
    pub source: Source,
    /// The SHA-256 of what is fetched, in lower-case hex.
    pub sha256: String,
    /// How it is unpacked, if it is an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpack: Option<Unpack>,
}

/// Where an artifact is had from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The guest fetches it from there, by HTTPS or HTTP.
    Url(String),
    /// It is a file of the machine that Phoenix runs on, and is carried into the guest.
    File(String),
}

/// How an archive is unpacked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// How it is packed.
    pub format: Format,
    /// The path of the one file in it that is wanted; everything, into a directory, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A tar archive, compressed or not.
    Tar,
    /// A ZIP archive, for instance a Python wheel.
    Zip,
}

/// What a site says about where artifacts come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// A directory on a web server that has every artifact under its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// Artifacts that are had from elsewhere, or in another version, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<String, Artifact>,
    /// Artifacts that are at hand for whoever installs one of that name. Nothing is said of those that nobody does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offered: BTreeMap<String, Artifact>,
}

impl Artifact {
    /// Returns a file that is fetched from an address and installed as it is.
    pub fn fetched(name: &str, version: &str, url: impl Into<String>, sha256: &str) -> Self {
        let source = Source::Url(url.into());
        let (name, version, sha256) = (name.to_owned(), version.to_owned(), sha256.to_owned());
        Self { name, version, source, sha256, unpack: None }
    }

    /// Has it be an archive, of which one file is installed, or everything into a directory.
    #[must_use]
    pub fn unpacked(mut self, format: Format, member: Option<&str>) -> Self {
        self.unpack = Some(Unpack { format, member: member.map(str::to_owned) });
        self
    }

    /// Returns the file in which a guest keeps what was installed of it: see [`Self::stamp`].
    pub fn stamp_path(&self) -> String {
        format!("{STAMPS}/{}", self.name)
    }

    /// Returns what its stamp says when it is installed: the checksum of what was fetched and, of a single file, that of
    /// the installed one. So what is there can be held against the pin, although the pin is that of the archive.
    pub fn stamp(&self, installed_sha256: Option<&str>) -> String {
        format!("{} {}\n", self.sha256, installed_sha256.unwrap_or("-"))
    }

    /// Tells whether it becomes a directory rather than a file.
    pub fn is_tree(&self) -> bool {
        self.unpack.as_ref().is_some_and(|unpack| unpack.member.is_none())
    }
}

impl Artifacts {
    /// Returns the artifact to install for one that a feature pins.
    #[must_use]
    pub fn choose(&self, pinned: &Artifact) -> Artifact {
        if let Some(own) = self.replaced.get(&pinned.name).or_else(|| self.offered.get(&pinned.name)) {
            return own.clone();
        }
        let mut chosen = pinned.clone();
        if let (Some(mirror), Source::Url(url)) = (&self.mirror, &pinned.source) {
            let file = url.rsplit('/').next().unwrap_or_default();
            chosen.source = Source::Url(format!("{}/{file}", mirror.trim_end_matches('/')));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned() -> Artifact {
        Artifact {
            name: "tool".into(),
            version: "1.2".into(),
            source: Source::Url("https://example.com/v1.2/tool.tar.gz".into()),
            sha256: "aa".into(),
            unpack: Some(Unpack { format: Format::Tar, member: Some("bin/tool".into()) }),
        }
    }

    #[test]
    fn a_mirror_changes_the_place_and_never_the_content() {
        let mirror = Some("https://mirror.example/files/".to_owned());
        let chosen = Artifacts { mirror, ..Artifacts::default() }.choose(&pinned());
        assert_eq!(chosen.source, Source::Url("https://mirror.example/files/tool.tar.gz".into()));
        assert_eq!((chosen.sha256, chosen.unpack), (pinned().sha256, pinned().unpack));
    }

    #[test]
    fn what_a_site_replaces_is_taken_as_it_is() {
        let own = Artifact { source: Source::File("/srv/tool".into()), unpack: None, ..pinned() };
        let replaced = BTreeMap::from([("tool".to_owned(), own.clone())]);
        let mirror = Some("https://mirror.example".to_owned());
        let artifacts = Artifacts { mirror, replaced, ..Artifacts::default() };
        assert_eq!(artifacts.choose(&pinned()), own);
        // What is at hand counts less than what the site says.
        let at_hand = Artifact { version: "3".into(), ..own.clone() };
        let offered = BTreeMap::from([("tool".to_owned(), at_hand.clone())]);
        assert_eq!(Artifacts { offered: offered.clone(), ..artifacts }.choose(&pinned()), own);
        assert_eq!(Artifacts { offered, ..Artifacts::default() }.choose(&pinned()), at_hand);
        assert_eq!(own.stamp(Some("bb")), "aa bb\n");
    }
}
