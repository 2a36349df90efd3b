//! A world: files, packages, units and users of one site. It is a base that all guests of one image share, frozen
//! layers that clones and snapshots share, and what changed since. So ten thousand linked clones cost little more
//! than their differences.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{
    disks::Disks,
    gpus::Gpus,
    sim::base::{self, Base},
    state::config::hex,
};

/// A site's inner world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct World {
    /// The image that it was made from; empty if there is no operating system.
    pub(crate) base: String,
    /// Frozen changes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Layer>,
    /// Changes since.
    #[serde(default, skip_serializing_if = "Delta::is_empty")]
    top: Delta,
}

/// A frozen set of changes; on disk only its hash.
#[derive(Clone, Debug)]
struct Layer {
    hash: String,
    delta: Arc<Delta>,
}

/// Changes to a world. Nothing in place of a thing means that it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Delta {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) files: BTreeMap<String, Option<Entry>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) packages: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) units: BTreeMap<String, Option<Unit>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) users: BTreeMap<String, Option<User>>,
    /// Written files, with the units that have read them since.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unread: BTreeMap<String, Option<Readers>>,
    /// When files were written, by counting.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) written: BTreeMap<String, Option<u64>>,
    /// What commands say that the simulation does not know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    said: BTreeMap<String, Option<Said>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostname: Option<String>,
    /// The graphics cards that its kernel has, and their driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<Gpus>,
    /// The disks that it has, and their pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    disks: Option<Disks>,
}

/// A file, directory or link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) mode: u32,
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) body: Body,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Body {
    /// A directory.
    Directory,
    /// A directory that an archive was unpacked to: the simulation does not know what is in it.
    Tree,
    /// A text.
    Text(String),
    /// Bytes of which only the hash is kept: secrets, and what is not text or too long.
    Opaque {
        /// In lower-case hex.
        sha256: String,
    },
    /// A symbolic link.
    Link(String),
}

/// A systemd unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) active: bool,
    pub(crate) enabled: bool,
}

/// The units that have read a file since it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Readers(pub(crate) BTreeSet<String>);

/// What a command says, which ends with status 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said(pub(crate) String);

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) shell: String,
    pub(crate) home: String,
    pub(crate) groups: BTreeSet<String>,
    /// It can log in with a password.
    #[serde(default)]
    pub(crate) password: bool,
}

macro_rules! access {
    ($get:ident, $put:ident, $list:ident, $field:ident, $type:ty) => {
        pub(crate) fn $get(&self, name: &str) -> Option<&$type> {
            for delta in self.deltas() {
                if let Some(found) = delta.$field.get(name) {
                    return found.as_ref();
                }
            }
            self.base().$field.get(name)
        }

        pub(crate) fn $put(&mut self, name: &str, value: Option<$type>) {
            if self.$get(name) != value.as_ref() {
                self.top.$field.insert(name.to_owned(), value);
            }
        }

        pub(crate) fn $list(&self) -> BTreeMap<&str, &$type> {
            let mut all: BTreeMap<&str, &$type> =
                self.base().$field.iter().map(|(k, v)| (k.as_str(), v)).collect();
            for delta in self.layers.iter().map(|layer| &*layer.delta).chain([&self.top]) {
                for (name, value) in &delta.$field {
                    match value {
                        Some(value) => all.insert(name, value),
                        None => all.remove(name.as_str()),
                    };
                }
            }
            all
        }
    };
}

impl World {
    access!(file, put_file, files, files, Entry);
    access!(package, put_package, packages, packages, String);
    access!(known_unit, put_unit, known_units, units, Unit);
    access!(user, put_user, users, users, User);
    access!(readers, put_readers, unread, unread, Readers);
    access!(age, put_age, ages, written, u64);

    /// Returns a fresh world of an image.
    pub(crate) fn of_image(image: &str) -> Self {
        Self { base: base::family(image).to_owned(), ..Self::default() }
    }

    /// Returns the world of the node itself.
    pub(crate) fn of_host() -> Self {
        Self { base: base::HOST.to_owned(), ..Self::default() }
    }

    /// Tells whether there is an operating system at all.
    pub(crate) fn has_system(&self) -> bool {
        !self.base.is_empty()
    }

    /// Returns what all worlds of this image share.
    pub(crate) fn base(&self) -> &'static Base {
        base::of(&self.base)
    }

    pub(crate) fn hostname(&self) -> &str {
        self.deltas().find_map(|delta| delta.hostname.as_deref()).unwrap_or("localhost")
    }

    pub(crate) fn set_hostname(&mut self, name: &str) {
        if self.hostname() != name {
            self.top.hostname = Some(name.to_owned());
            self.write("/etc/hostname", format!("{name}\n"));
        }
    }

    /// Returns the graphics cards that its kernel has.
    pub(crate) fn gpus(&self) -> &Gpus {
        static NONE: Gpus = Gpus { driver: String::new(), cards: BTreeMap::new() };
        self.deltas().find_map(|delta| delta.gpus.as_ref()).unwrap_or(&NONE)
    }

    pub(crate) fn set_gpus(&mut self, gpus: &Gpus) {
        if self.gpus() != gpus {
            self.top.gpus = Some(gpus.clone());
        }
    }

    /// Returns the disks that it has.
    pub(crate) fn disks(&self) -> &Disks {
        static NONE: Disks = Disks { disks: BTreeMap::new(), pools: BTreeMap::new() };
        self.deltas().find_map(|delta| delta.disks.as_ref()).unwrap_or(&NONE)
    }

    pub(crate) fn set_disks(&mut self, disks: &Disks) {
        if self.disks() != disks {
            self.top.disks = Some(disks.clone());
        }
    }

    /// Writes a text file as root.
    pub(crate) fn write(&mut self, path: &str, text: impl Into<String>) {
        self.place(path, Entry::root(0o644, Body::Text(text.into())));
    }

    /// Puts an entry in its place and makes the directories above it.
    pub(crate) fn place(&mut self, path: &str, entry: Entry) {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            if self.file(parent).is_some() {
                break;
            }
            self.put_file(parent, Some(Entry::root(0o755, Body::Directory)));
            above = parent;
        }
        self.put_file(path, Some(entry));
    }

    /// Returns what a path leads to at the end of its links, at most eight.
    pub(crate) fn follow(&self, path: &str) -> Option<&Entry> {
        let (mut path, mut entry) = (path.to_owned(), self.file(path)?);
        for _ in 0..8 {
            let Body::Link(target) = &entry.body else { return Some(entry) };
            path = match target.strip_prefix('/') {
                Some(_) => target.clone(),
                None => format!("{}/{target}", path.rsplit_once('/').map_or("", |(parent, _)| parent)),
            };
            entry = self.file(&path)?;
        }
        None
    }

    /// Returns the text at a path.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match &self.follow(path)?.body {
            Body::Text(text) => Some(text),
            Body::Directory | Body::Tree | Body::Opaque { .. } | Body::Link(_) => None,
        }
    }

    /// Tells whether there is a program at a path, as far as that can be known.
    pub(crate) fn has_program(&self, path: &str) -> bool {
        let is_tree = |above: &str| self.file(above).is_some_and(|entry| entry.body == Body::Tree);
        self.follow(path).is_some() || path.match_indices('/').any(|(at, _)| is_tree(&path[..at]))
    }

    /// Returns a unit: one that came with the image or a package, or one that a unit file declares.
    pub(crate) fn unit(&self, name: &str) -> Option<Unit> {
        self.known_unit(name).copied().or_else(|| {
            ["/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"]
                .iter()
                .any(|folder| self.file(&format!("{folder}{name}")).is_some())
                .then_some(Unit { active: false, enabled: false })
        })
    }

    /// Returns what a command says that the simulation does not know.
    pub(crate) fn said(&self, command: &str) -> Option<&Said> {
        self.deltas().find_map(|delta| delta.said.get(command))?.as_ref()
    }

    /// Has a command say something from now on.
    pub(crate) fn put_said(&mut self, command: &str, said: Said) {
        self.top.said.insert(command.to_owned(), Some(said));
    }

    /// Freezes the changes at the top into a layer, and returns it, if there are any.
    pub(crate) fn freeze(&mut self) -> Option<(String, Arc<Delta>)> {
        if self.top.is_empty() {
            return None;
        }
        let delta = Arc::new(std::mem::take(&mut self.top));
        let json = serde_json::to_vec(&*delta).expect("a delta has only text keys");
        let hash = hex(&Sha256::digest(&json));
        self.layers.push(Layer { hash: hash.clone(), delta: Arc::clone(&delta) });
        Some((hash, delta))
    }

    /// Fills in the layers of a world that was read from disk; returns the hash of one that is missing.
    pub(crate) fn resolve(&mut self, layers: &BTreeMap<String, Arc<Delta>>) -> Option<String> {
        for layer in &mut self.layers {
            match layers.get(&layer.hash) {
                Some(delta) => layer.delta = Arc::clone(delta),
                None => return Some(layer.hash.clone()),
            }
        }
        None
    }

    fn deltas(&self) -> impl Iterator<Item = &Delta> {
        [&self.top].into_iter().chain(self.layers.iter().rev().map(|layer| &*layer.delta))
    }
}

impl Delta {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Body {
    /// Tells whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self, Self::Directory | Self::Tree)
    }
}

impl Entry {
    /// Returns an entry of root's.
    pub(crate) fn root(mode: u32, body: Body) -> Self {
        Self { mode, owner: "root".to_owned(), group: "root".to_owned(), body }
    }
}

impl Serialize for Layer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hash)
    }
}

impl<'de> Deserialize<'de> for Layer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { hash: String::deserialize(deserializer)?, delta: Arc::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_layer_is_shared_and_later_changes_are_not() {
        let mut parent = World::of_image("ubuntu-24.04-standard");
        parent.write("/etc/motd", "hello");
        assert!(parent.freeze().is_some());
        let mut child = parent.clone();
        child.write("/etc/motd", "changed");
        child.put_user("root", None);
        assert_eq!(parent.text("/etc/motd"), Some("hello"));
        assert_eq!(child.text("/etc/motd"), Some("changed"));
        assert!(parent.user("root").is_some() && child.user("root").is_none());
        assert!(child.freeze().is_some() && parent.freeze().is_none());
    }

    #[test]
    fn links_are_followed_and_circles_end() {
        let mut world = World::default();
        world.write("/usr/share/zone", "z");
        world.place("/etc/localtime", Entry::root(0o777, Body::Link("../usr/share/zone".to_owned())));
        world.place("/a", Entry::root(0o777, Body::Link("/a".to_owned())));
        assert!(world.follow("/a").is_none());
        world.place("/etc/absolute", Entry::root(0o777, Body::Link("/usr/share/zone".to_owned())));
        assert_eq!(world.text("/etc/absolute"), Some("z"));
    }
}
