//! Who has read what: files that were written, the units that have begun since, and which file is newer than another.

use crate::sim::world::{Readers, Unit, World};

impl World {
    /// Notes that a file was written: no unit has read it since.
    pub(crate) fn touch(&mut self, path: &str) {
        self.put_readers(path, Some(Readers::default()));
        let last = self.ages().into_values().max().copied().unwrap_or(0);
        self.put_age(path, Some(last + 1));
    }

    /// Brings a unit up, which then reads its files.
    pub(crate) fn begin(&mut self, name: &str, unit: Unit) {
        self.put_unit(name, Some(unit));
        let unread: Vec<(String, Readers)> =
            self.unread().into_iter().map(|(path, readers)| (path.to_owned(), readers.clone())).collect();
        for (path, mut readers) in unread {
            if readers.0.insert(name.to_owned()) {
                self.put_readers(&path, Some(readers));
            }
        }
    }

    /// Tells whether a file was written after a unit that runs has read it.
    pub(crate) fn is_stale(&self, unit: &str, path: &str) -> bool {
        self.readers(path).is_some_and(|readers| !readers.0.contains(unit))
    }

    /// Tells whether a file was written after another one.
    pub(crate) fn is_newer(&self, path: &str, other: &str) -> bool {
        self.age(path) > self.age(other)
    }

    /// Does what a boot does: units that are enabled run, others do not.
    pub(crate) fn boot(&mut self) {
        let changed: Vec<(String, Unit)> = self
            .known_units()
            .into_iter()
            .filter(|(_, unit)| unit.active != unit.enabled)
            .map(|(name, unit)| (name.to_owned(), Unit { active: unit.enabled, ..*unit }))
            .collect();
        for (name, unit) in changed {
            self.put_unit(&name, Some(unit));
        }
        let unread: Vec<String> = self.unread().into_keys().map(str::to_owned).collect();
        for path in unread {
            self.put_readers(&path, None);
        }
    }
}
