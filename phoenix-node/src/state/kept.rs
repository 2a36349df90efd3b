//! A part of the state with a file of its own: whoever changes it marks it, and the store writes what is marked.

use std::ops::{Deref, DerefMut};

/// A value that knows whether it must be written.
#[derive(Debug, Default)]
pub(crate) struct Kept<T> {
    value: T,
    is_dirty: bool,
}

impl<T> Kept<T> {
    /// Returns a value as it was read: there is nothing to write.
    pub(crate) fn read(value: T) -> Self {
        Self { value, is_dirty: false }
    }

    /// Returns the value to be completed, which is no change of it.
    pub(crate) fn complete(&mut self) -> &mut T {
        &mut self.value
    }

    /// Tells whether it must be written, and takes it as written.
    pub(crate) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.is_dirty = true;
        &mut self.value
    }
}
