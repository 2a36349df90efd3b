//! What the API has: methods with their parameters and the privileges they ask for, read from the files in `data/`.
//! `ARCHITECTURE.md` explains their notation.

mod check;
pub(crate) mod dict;
pub(crate) mod formats;
mod names;
mod parse;
mod pattern;
#[cfg(test)]
mod proof;
pub(crate) mod rule;

use std::{collections::BTreeMap, sync::LazyLock};

use phoenix_pve::transport::Method;
use serde_json::Value;

pub(crate) use check::{Given, gather};
use dict::Parts;
use rule::Rule;

/// The files, each a part of the tree.
const DATA: &[(&str, &str)] = &[
    // Its sets are used by the files that follow.
    ("guest.api", include_str!("data/guest.api")),
    ("agent.api", include_str!("data/agent.api")),
    ("access.api", include_str!("data/access.api")),
    ("backup.api", include_str!("data/backup.api")),
    ("cluster.api", include_str!("data/cluster.api")),
    ("datacenter.api", include_str!("data/datacenter.api")),
    ("firewall.api", include_str!("data/firewall.api")),
    ("ha.api", include_str!("data/ha.api")),
    ("jobs.api", include_str!("data/jobs.api")),
    ("lxc.api", include_str!("data/lxc.api")),
    ("mapping.api", include_str!("data/mapping.api")),
    ("node.api", include_str!("data/node.api")),
    ("notifications.api", include_str!("data/notifications.api")),
    ("pools.api", include_str!("data/pools.api")),
    ("qemu.api", include_str!("data/qemu.api")),
    ("sdn.api", include_str!("data/sdn.api")),
    ("storage.api", include_str!("data/storage.api")),
];

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema::default();
    for (name, text) in DATA {
        parse::read(&mut schema, name, text).expect("a test reads every file");
    }
    schema
});

/// Everything that the API has.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    entries: Vec<Entry>,
    /// Where the entries of a method with so many segments stand.
    index: BTreeMap<(Method, usize), Vec<usize>>,
    sets: BTreeMap<String, Vec<Param>>,
    dicts: BTreeMap<String, Vec<Param>>,
}

/// One call of the API.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The method and the path with its variables: `GET /nodes/{node}/lxc`.
    pub(crate) key: String,
    pub(crate) rule: Rule,
    segments: Vec<Segment>,
    params: Vec<Param>,
}

#[derive(Debug, PartialEq)]
enum Segment {
    Word(String),
    Variable(String),
    /// The rest of the path, slashes and all.
    Rest(String),
}

/// A parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Param {
    /// Its name, without the index.
    pub(crate) name: String,
    /// The indices that may follow the name.
    pub(crate) index: Option<(u32, u32)>,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
    /// Whether it is a list in the form of repeated keys or a JSON array.
    pub(crate) is_array: bool,
    /// Bounds of the number, or of the length.
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) words: Vec<String>,
    pub(crate) format: Option<String>,
    pub(crate) pattern: Option<pattern::Pattern>,
    /// The property string that the text is.
    pub(crate) dict: Option<String>,
    /// In a property string: the key of a value that has none.
    pub(crate) is_default: bool,
    /// In a property string: the key that this one stands for, and the key that gets its value.
    pub(crate) alias: Option<(String, Option<String>)>,
    /// What must be given beside it.
    pub(crate) requires: Option<String>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `0` or `1`; in property strings other words too.
    Bool,
    Int,
    Num,
    #[default]
    Text,
}

/// A call that was found, and what stands in its path's variables.
pub(crate) struct Found {
    pub(crate) entry: &'static Entry,
    pub(crate) variables: BTreeMap<String, String>,
}

/// Finds the call of a method and a path. Words come before variables.
pub(crate) fn find(method: Method, path: &[&str]) -> Option<Found> {
    let mut best: Option<Found> = None;
    let candidates =
        (0..=path.len()).rev().flat_map(|count| SCHEMA.index.get(&(method, count)).into_iter().flatten());
    for &at in candidates {
        let entry = &SCHEMA.entries[at];
        let Some(variables) = entry.matches(path) else { continue };
        let is_better = best.as_ref().is_none_or(|found| entry.is_closer_than(found.entry));
        if is_better {
            best = Some(Found { entry, variables });
        }
    }
    best
}

/// Returns the calls that there are.
#[cfg(test)]
pub(crate) fn entries() -> &'static [Entry] {
    &SCHEMA.entries
}

/// Tells whether a parameter belongs to a named set.
pub(crate) fn is_in_set(set: &str, key: &str) -> bool {
    SCHEMA.sets.get(set).is_some_and(|params| params.iter().any(|param| param.is_named(key)))
}

/// Tells whether a parameter of a named set is a number or a truth value.
pub(crate) fn is_number_in_set(set: &str, key: &str) -> bool {
    let params = SCHEMA.sets.get(set).map_or(&[][..], Vec::as_slice);
    params.iter().any(|param| param.is_named(key) && matches!(param.kind, Kind::Bool | Kind::Int))
}

/// Returns the form of a parameter of a set, if it is a property string with one.
pub(crate) fn form_of(set: &str, key: &str) -> Option<&'static str> {
    let param = SCHEMA.sets.get(set)?.iter().find(|param| param.is_named(key))?;
    param.dict.as_deref().or_else(|| {
        let format = param.format.as_deref()?;
        SCHEMA.dicts.contains_key(format).then_some(format)
    })
}

/// Returns the type of a parameter of a set.
pub(crate) fn kind_of(set: &str, key: &str) -> Option<Kind> {
    Some(SCHEMA.sets.get(set)?.iter().find(|param| param.is_named(key))?.kind)
}

/// Returns the words that a part of a form may be.
fn words_of(form: &str, part: &str) -> &'static [String] {
    let params = SCHEMA.dicts.get(form).map(Vec::as_slice).unwrap_or_default();
    params.iter().find(|param| param.name == part).map(|param| param.words.as_slice()).unwrap_or_default()
}

impl Entry {
    fn matches(&self, path: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        let mut rest = path;
        for segment in &self.segments {
            match segment {
                Segment::Rest(name) if !rest.is_empty() => {
                    variables.insert(name.clone(), rest.join("/"));
                    rest = &[];
                }
                Segment::Word(word) if rest.first().is_some_and(|first| first == word) => rest = &rest[1..],
                Segment::Variable(name) if !rest.is_empty() => {
                    variables.insert(name.clone(), rest[0].to_owned());
                    rest = &rest[1..];
                }
                Segment::Word(_) | Segment::Variable(_) | Segment::Rest(_) => return None,
            }
        }
        rest.is_empty().then_some(variables)
    }

    fn is_closer_than(&self, other: &Self) -> bool {
        let rank = |entry: &Self| -> Vec<u8> {
            let rank = |segment: &Segment| match segment {
                Segment::Word(_) => 0,
                Segment::Variable(_) => 1,
                Segment::Rest(_) => 2,
            };
            entry.segments.iter().map(rank).collect()
        };
        rank(self) < rank(other)
    }

    /// Checks what was given; fails with every complaint at once.
    pub(crate) fn check(
        &self,
        given: &BTreeMap<String, Given>,
    ) -> Result<super::Args, super::reply::Refusal> {
        check::call(&SCHEMA, self, given)
    }

    /// Tells whether there is such a parameter.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.params.iter().any(|param| param.is_named(key))
    }

    /// Tells whether a parameter is a list.
    pub(crate) fn is_array(&self, key: &str) -> bool {
        self.params.iter().any(|param| param.is_named(key) && param.is_array)
    }

    /// Returns a checked text with the JSON type that a parameter has.
    pub(crate) fn value(&self, key: &str, text: &str) -> Value {
        let kind = self.params.iter().find(|param| param.is_named(key)).map(|param| param.kind);
        match kind {
            Some(Kind::Bool | Kind::Int) => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            Some(Kind::Num) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => number.into(),
                (Err(_), Ok(number)) => number.into(),
                (Err(_), Err(_)) => text.into(),
            },
            Some(Kind::Text) | None => text.into(),
        }
    }

    /// Returns the parameters.
    #[cfg(test)]
    pub(crate) fn params(&self) -> &[Param] {
        &self.params
    }
}

impl Param {
    /// Tells whether a key is this parameter, `net3` being `net` with an index.
    pub(crate) fn is_named(&self, key: &str) -> bool {
        let Some((first, last)) = self.index else { return self.name == key };
        key.strip_prefix(self.name.as_str()).is_some_and(|digits| {
            !digits.is_empty()
                && (digits == "0" || !digits.starts_with('0'))
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u32>().is_ok_and(|index| (first..=last).contains(&index))
        })
    }
}

/// Returns the names of all sets.
#[cfg(test)]
fn sets() -> std::collections::BTreeSet<&'static str> {
    SCHEMA.sets.keys().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_reads() {
        let mut schema = Schema::default();
        for (name, text) in DATA {
            parse::read(&mut schema, name, text).unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(schema.entries.len() > 40);
        let dicts = schema.dicts.values().chain(schema.sets.values()).flatten();
        for param in schema.entries.iter().flat_map(|entry| entry.params()).chain(dicts) {
            assert!(
                param.pattern.as_ref().is_none_or(pattern::Pattern::is_good),
                "the pattern of {}",
                param.name
            );
            let dict = param.dict.as_ref();
            assert!(dict.is_none_or(|dict| schema.dicts.contains_key(dict)), "the form of {}", param.name);
        }
    }

    #[test]
    fn words_come_before_variables() {
        let found = find(Method::Get, &["nodes", "a", "lxc", "100", "config"]).expect("there is such a call");
        assert_eq!(found.entry.key, "GET /nodes/{node}/lxc/{vmid}/config");
        assert_eq!(found.variables["vmid"], "100");
        let volume = ["nodes", "a", "storage", "local", "content", "local:vztmpl", "x.tar"];
        let found = find(Method::Get, &volume).expect("volumes have slashes in their names");
        assert_eq!(found.variables["volume"], "local:vztmpl/x.tar");
        let member = ["cluster", "firewall", "ipset", "friends", "10.3.0.0", "16"];
        let found = find(Method::Put, &member).expect("networks have slashes in their names");
        assert_eq!((&*found.variables["name"], &*found.variables["cidr"]), ("friends", "10.3.0.0/16"));
        assert!(find(Method::Get, &["nothing"]).is_none());
        assert!(sets().contains("lxc-options"));
    }
}
