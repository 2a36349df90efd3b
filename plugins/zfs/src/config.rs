//! What the user writes for `zfs`.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::property::{self, Kind};

/// Where disks have names that stay.
pub(crate) const BY_ID: &str = "/dev/disk/by-id/";
/// Words that `zpool create` takes for something else than a pool's name.
const RESERVED: [&str; 7] = ["mirror", "raidz", "draid", "spare", "log", "cache", "special"];

/// The configuration of `zfs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The most memory in GiB that the ARC takes.
    pub arc_max_gb: Option<u64>,
    /// The pools.
    pub pools: Vec<Pool>,
    /// The datasets, file systems all of them.
    pub datasets: Vec<Dataset>,
    /// The predecessor's leave to overwrite disks. It allows nothing: `phoenix setup --wipe-disks` names each disk.
    pub allow_destructive_operations: bool,
    /// Disks that may lose what they hold. Not for files: `phoenix setup --wipe-disks` says it, for one run.
    pub wipe_disks: BTreeSet<String>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How its disks stand together.
    pub layout: Layout,
    /// Its disks, by their paths under `/dev/disk/by-id`.
    #[serde(default)]
    pub disks: Vec<String>,
    /// The size of its sectors, as a power of two; it is given once, when the pool is made.
    #[serde(default = "sectors")]
    pub ashift: u32,
    /// Properties of the pool (`autotrim`, …) and of its own file system (`compression`, `atime`, …).
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// How disks stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One disk.
    Single,
    /// Several, none of which may fail.
    Stripe,
    /// Each holds all.
    Mirror,
    /// One of them may fail.
    Raidz1,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its pool.
    pub pool: String,
    /// Its name in the pool.
    pub name: String,
    /// Its properties: `recordsize`, `compression`, `quota`, ….
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

fn sectors() -> u32 {
    12
}

impl Layout {
    /// Returns the word for it between a pool's name and its disks.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Single | Self::Stripe => None,
            Self::Mirror => Some("mirror"),
            Self::Raidz1 => Some("raidz1"),
        }
    }

    fn least(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Stripe | Self::Mirror | Self::Raidz1 => 2,
        }
    }
}

impl Dataset {
    /// Returns its whole name.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.pool, self.name)
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let mut names = BTreeSet::new();
        let mut disks: BTreeMap<&str, &str> = BTreeMap::new();
        for (at, pool) in self.pools.iter().enumerate() {
            let pointer = format!("/pools/{at}");
            let is_reserved = RESERVED.iter().any(|word| pool.name.starts_with(word));
            if !is_name(&pool.name) || is_reserved {
                problems.add(format!("{pointer}/name"), format!("`{}` is no name of a pool", pool.name));
            } else if !names.insert(&pool.name) {
                problems.add(format!("{pointer}/name"), format!("the pool `{}` is there twice", pool.name));
            }
            of_disks(&mut problems, &pointer, pool, &mut disks);
            if !(9..=16).contains(&pool.ashift) {
                problems.add(
                    format!("{pointer}/ashift"),
                    format!("`{}` is no power of a sector's size, such as 12", pool.ashift),
                );
            }
            of_properties(
                &mut problems,
                &format!("{pointer}/properties"),
                &pool.properties,
                &[Kind::Pool, Kind::Dataset],
            );
        }
        let mut paths = BTreeSet::new();
        for (at, dataset) in self.datasets.iter().enumerate() {
            let pointer = format!("/datasets/{at}");
            if !dataset.name.split('/').all(is_name) {
                problems
                    .add(format!("{pointer}/name"), format!("`{}` is no name of a dataset", dataset.name));
            } else if !paths.insert(dataset.path()) {
                problems.add(
                    format!("{pointer}/name"),
                    format!("the dataset `{}` is there twice", dataset.path()),
                );
            }
            if !is_name(&dataset.pool) {
                problems.add(format!("{pointer}/pool"), format!("`{}` is no name of a pool", dataset.pool));
            }
            of_properties(
                &mut problems,
                &format!("{pointer}/properties"),
                &dataset.properties,
                &[Kind::Dataset],
            );
        }
        for disk in self.wipe_disks.iter().filter(|disk| !disks.contains_key(disk.as_str())) {
            let message = format!("no pool has the disk `{disk}`, so it is not wiped");
            problems.refuse(
                "/wipe_disks",
                message,
                "name disks of `zfs.pools` with `--wipe-disks`, exactly as they stand there",
            );
        }
        problems
    }
}

fn of_disks<'a>(
    problems: &mut Problems,
    pointer: &str,
    pool: &'a Pool,
    all: &mut BTreeMap<&'a str, &'a str>,
) {
    let pointer = format!("{pointer}/disks");
    let count = pool.disks.len();
    // One without disks can be declared: it is had as it is, and never made.
    if count == 0 {
        return;
    }
    if count < pool.layout.least() || (pool.layout == Layout::Single && count > 1) {
        let message =
            format!("the pool `{}` has {count} disks, which is not what its layout is of", pool.name);
        problems.add(pointer.clone(), message);
    }
    for (at, disk) in pool.disks.iter().enumerate() {
        let pointer = format!("{pointer}/{at}");
        let name = disk.strip_prefix(BY_ID).unwrap_or_default();
        let is_plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+=@".contains(&byte));
        let is_part = name.rsplit_once("-part").is_some_and(|(_, number)| number.parse::<u32>().is_ok());
        if !is_plain || is_part {
            let message = format!("`{disk}` is no whole disk under `{BY_ID}`");
            problems.refuse(
                pointer,
                message,
                format!("names such as `/dev/sda` change: `ls -l {BY_ID}` shows those that stay"),
            );
        } else if let Some(other) = all.insert(disk, &pool.name) {
            problems.add(pointer, format!("the disk `{disk}` is in the pools `{other}` and `{}`", pool.name));
        }
    }
}

fn of_properties(
    problems: &mut Problems,
    pointer: &str,
    properties: &BTreeMap<String, String>,
    kinds: &[Kind],
) {
    for (name, value) in properties {
        match property::kind(name).filter(|kind| kinds.contains(kind)) {
            None => problems.refuse(
                pointer.to_owned(),
                format!("`{name}` is no property that can be set here"),
                format!("these can: {}", property::names(kinds)),
            ),
            Some(_) if property::canonical(name, value).is_none() => {
                problems.add(pointer.to_owned(), format!("`{value}` is no value of `{name}`"));
            }
            Some(_) => {}
        }
    }
}

/// Tells whether a text is one part of a name, which no program takes for an option or for two.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(config: Value) -> Vec<String> {
        let config: Config = serde_json::from_value(config).unwrap();
        config.problems().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn disks_are_named_by_what_stays_and_once() {
        let pool = |name: &str, disks: &[&str]| json!({"name": name, "layout": "mirror", "disks": disks});
        let by_id = |name: &str| format!("{BY_ID}{name}");
        assert_eq!(said(json!({"pools": [pool("a", &[&by_id("x"), &by_id("y")])]})), [""; 0]);
        assert_eq!(said(json!({"pools": [pool("a", &["/dev/sda", &by_id("x-part1")])]})).len(), 2);
        assert_eq!(
            said(
                json!({"pools": [pool("a", &[&by_id("x"), &by_id("y")]), pool("b", &[&by_id("x"), &by_id("z")])]})
            ),
            ["the disk `/dev/disk/by-id/x` is in the pools `a` and `b`"]
        );
        assert_eq!(
            said(json!({"pools": [pool("mirror0", &[&by_id("x"), &by_id("y")])]})),
            ["`mirror0` is no name of a pool"]
        );
        assert_eq!(
            said(json!({"wipe_disks": [by_id("x")]})),
            ["no pool has the disk `/dev/disk/by-id/x`, so it is not wiped"]
        );
    }

    #[test]
    fn only_properties_that_are_known_are_set() {
        let with = |name: &str, value: &str| {
            said(json!({"datasets": [{"pool": "a", "name": "b", "properties": {name: value}}]}))
        };
        assert_eq!(with("quota", "1.4T"), [""; 0]);
        assert_eq!(with("quota", "much"), ["`much` is no value of `quota`"]);
        assert_eq!(with("sharenfs", "on"), ["`sharenfs` is no property that can be set here"]);
    }
}
