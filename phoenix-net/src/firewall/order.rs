//! Order: the fewest moves that bring Phoenix's rules into theirs. Rules of others keep their place among themselves; what
//! is new or moved stands next to its neighbour.

use std::collections::BTreeSet;

/// A rule in a list: one of Phoenix's by its key, or one of somebody else by its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// Phoenix's.
    Own(String),
    /// Of somebody else.
    Other(usize),
}

/// The list of rules while it is changed, one call after the other.
#[derive(Clone, Debug)]
pub(super) struct List {
    items: Vec<Item>,
    /// Those of Phoenix's keys, in the order that shall be, that stand where they shall.
    placed: BTreeSet<usize>,
    keys: Vec<String>,
}

impl List {
    /// Returns the list as it is. `keys` are Phoenix's rules in the order that shall be; those of them that are in the
    /// list and in that order already, as many as possible, are taken to be at their place.
    pub(super) fn new(items: Vec<Item>, keys: Vec<String>) -> Self {
        let places: Vec<(usize, usize)> = keys
            .iter()
            .enumerate()
            .filter_map(|(at, key)| {
                let place = items.iter().position(|item| matches!(item, Item::Own(own) if own == key));
                Some((at, place?))
            })
            .collect();
        let placed = longest(&places.iter().map(|(_, place)| *place).collect::<Vec<_>>());
        let placed = placed.into_iter().map(|index| places[index].0).collect();
        Self { items, placed, keys }
    }

    /// Returns the position of a rule of Phoenix's.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.items.iter().position(|item| matches!(item, Item::Own(own) if own == key))
    }

    /// Tells whether the rule of this number stands where it shall.
    pub(super) fn is_placed(&self, at: usize) -> bool {
        self.placed.contains(&at)
    }

    /// Puts the rule of this number where it shall stand, and returns its position then.
    pub(super) fn place(&mut self, at: usize) -> usize {
        let key = self.keys[at].clone();
        if let Some(place) = self.find(&key) {
            self.items.remove(place);
        }
        let next = self.placed.range(at + 1..).next().and_then(|at| self.find(&self.keys[*at]));
        let before = self.placed.range(..at).next_back().and_then(|at| self.find(&self.keys[*at]));
        let place = next.or(before.map(|place| place + 1)).unwrap_or(0);
        self.items.insert(place, Item::Own(key));
        self.placed.insert(at);
        place
    }

    /// Takes a rule out, and returns where it stood.
    pub(super) fn remove(&mut self, key: &str) -> Option<usize> {
        let place = self.find(key)?;
        self.items.remove(place);
        Some(place)
    }

    /// Goes through the list.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }
}

/// Returns the indices of a longest rising part.
fn longest(numbers: &[usize]) -> Vec<usize> {
    // For each number the length of the longest rising part that ends with it, and the index before it there.
    let mut ends: Vec<(usize, Option<usize>)> = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.iter().enumerate() {
        let before = (0..index).filter(|other| numbers[*other] < *number);
        let best = before.max_by_key(|other| (ends[*other].0, std::cmp::Reverse(*other)));
        ends.push((best.map_or(1, |other| ends[other].0 + 1), best));
    }
    let mut at = (0..numbers.len()).max_by_key(|index| (ends[*index].0, std::cmp::Reverse(*index)));
    let mut part = Vec::new();
    while let Some(index) = at {
        part.push(index);
        at = ends[index].1;
    }
    part.reverse();
    part
}
