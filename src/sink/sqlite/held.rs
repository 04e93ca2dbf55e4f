//! Batches that wait until there are enough of them to be applied together; see `sorted`.

use super::collection::Collections;
use super::database::{APPLY_CACHE, SORT_CACHE, size_cache};
use crate::batch::Batch;
use crate::sink::Ledger;
use rusqlite::Connection;

/// Bytes of batches that are applied together. With more, each page of a large store is visited less often.
const MAX_BYTES: usize = 12 * 1000 * 1000;

/// A batch of more bytes is that of a long record, which is not copied.
const MAX_BATCH: usize = MAX_BYTES / 4;

/// Maximum number of actions that are applied together, which bounds the memory of short ones.
const MAX_ACTIONS: usize = 1 << 16;

/// The batches, all of whose actions go to one collection.
#[derive(Debug, Default)]
pub(super) struct Held {
    batches: Vec<Batch>,
    /// Its index among the collections.
    collection: usize,
    actions: usize,
    bytes: usize,
    /// Whether it took the last batch.
    has_taken: bool,
}

impl Held {
    /// Takes a batch if its actions can be applied together with others, and returns whether it does. What is held already
    /// is applied first if it cannot be together with these.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        collections: &mut Collections,
        connection: &Connection,
        out: &mut Ledger,
    ) -> rusqlite::Result<bool> {
        let collection = collections.sorting(batch).filter(|_| batch.memory() <= MAX_BATCH);
        if collection.is_some() != self.has_taken {
            self.has_taken = collection.is_some();
            size_cache(connection, if self.has_taken { SORT_CACHE } else { APPLY_CACHE })?;
        }
        if collection != Some(self.collection) {
            self.apply(collections, connection, out)?;
        }
        let Some(collection) = collection else { return Ok(false) };
        self.collection = collection;
        self.batches.push(batch.copied());
        self.actions += batch.len();
        self.bytes += batch.memory();
        Ok(true)
    }

    /// Whether it is time to apply them.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES || self.actions >= MAX_ACTIONS
    }

    /// Applies and settles what is held.
    pub(super) fn apply(
        &mut self,
        collections: &mut Collections,
        connection: &Connection,
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        if !self.batches.is_empty() {
            collections.apply_sorted(self.collection, connection, &self.batches, out)?;
            *self = Held { has_taken: self.has_taken, ..Held::default() };
        }
        Ok(())
    }

    /// Settles what is held as not sent.
    pub(super) fn leave_unsent(&mut self, out: &mut Ledger) {
        for batch in std::mem::take(self).batches {
            out.leave_unsent(&batch, 0);
        }
    }
}
