//! The difference between the properties that are wanted and those that are there. What nobody declares is left alone.

use std::collections::BTreeSet;

use phoenix_core::{
    Change,
    object::{Values, is_marked, unmarked},
};

/// Properties that are lists, in which order and separators say nothing.
const LISTS: [&str; 6] = ["bridge_ports", "content", "groups", "nodes", "privs", "prune-backups"];
/// Properties that are read as lists of interfaces.
const PORTS: [&str; 1] = ["slaves"];

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Properties to set.
    pub(crate) set: Values,
    /// Properties to take away.
    pub(crate) delete: BTreeSet<String>,
    /// What those are now.
    pub(crate) seen: Values,
}

/// Returns what of the wanted properties is not so. An empty value is wanted not to be there.
pub(crate) fn difference(want: &Values, found: &Values) -> Option<Difference> {
    let mut differs = Difference::default();
    for (key, value) in want {
        let old = found.get(key);
        if is_same(key, value, old.map_or("", String::as_str)) {
            continue;
        }
        if let Some(old) = old {
            differs.seen.insert(key.clone(), old.clone());
        }
        match value.is_empty() {
            true => drop(differs.delete.insert(key.clone())),
            false => drop(differs.set.insert(key.clone(), value.clone())),
        }
    }
    (!differs.set.is_empty() || !differs.delete.is_empty()).then_some(differs)
}

/// Tells whether two values of a property say the same. The mark in a comment tells whose an object is, not what it is.
pub(crate) fn is_same(key: &str, a: &str, b: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        text.split([',', ';', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    match key {
        _ if LISTS.contains(&key) || PORTS.contains(&key) => words(a) == words(b),
        "comment" if is_marked(a) != is_marked(b) => false,
        "comment" => unmarked(a) == unmarked(b),
        _ => a.trim_end() == b.trim_end(),
    }
}

impl Difference {
    /// Returns what changes, property by property.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let set = self.set.iter().map(|(key, value)| (key, Some(value.clone())));
        let all = set.chain(self.delete.iter().map(|key| (key, None)));
        all.map(|(key, new)| Change::new(key, self.seen.get(key).cloned(), new)).collect()
    }

    /// Returns it for a sentence: `content` is `iso` and not `iso,vztmpl`.
    pub(crate) fn sentence(&self) -> String {
        let one = |change: Change| {
            let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "not set".to_owned());
            format!("`{}` is `{}` and not `{}`", change.field, or_nothing(change.old), or_nothing(change.new))
        };
        self.changes().into_iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn lists_are_the_same_in_any_order_and_what_is_not_declared_stays() {
        let found = values(&[("content", "iso,vztmpl"), ("shared", "1")]);
        assert_eq!(difference(&values(&[("content", "vztmpl iso"), ("nodes", "")]), &found), None);
        let differs = difference(&values(&[("content", "iso"), ("shared", "")]), &found).unwrap();
        assert_eq!(differs.set, values(&[("content", "iso")]));
        assert_eq!(differs.delete, BTreeSet::from(["shared".to_owned()]));
        assert_eq!(differs.seen, found);
    }
}
