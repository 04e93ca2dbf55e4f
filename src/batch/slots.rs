//! A list that is filled and emptied again and again.

use std::ops::{Deref, DerefMut};

/// Values in the places of earlier ones. Unlike that of a `Vec`, its `push` writes a value where it belongs, field by field,
/// without making it elsewhere first.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots<T> {
    /// Those from `count` on are old.
    all: Vec<T>,
    count: usize,
}

impl<T: Clone + Default> Slots<T> {
    /// Appends a value.
    #[inline(always)]
    pub(super) fn push(&mut self, value: T) {
        if self.count == self.all.len() {
            self.grow();
        }
        self.all[self.count] = value;
        self.count += 1;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.all.resize((self.all.len() * 2).max(64), T::default());
    }

    /// Forgets all values and keeps their memory.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }
}

impl<T> Deref for Slots<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all[..self.count]
    }
}

impl<T> DerefMut for Slots<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.all[..self.count]
    }
}
