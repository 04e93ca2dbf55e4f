//! Applies a stretch of a batch: actions that go to one collection in one way, so that statements are prepared once.

use super::apply::{Applied, Table};
use super::collection::{Collection, Phase, Probe};
use super::load::{Load, NewRow, append_sql, can_load};
use super::schema::Entry;
use crate::batch::{Batch, BatchAction};
use crate::sink::{Bucket, Ledger};
use rusqlite::Connection;

/// Actions of a batch that go the same way.
pub(super) struct Stretch<'b> {
    /// The batch.
    pub(super) batch: &'b Batch,
    /// The record to apply next; at the end, where the stretch stopped.
    pub(super) at: usize,
    /// The collection as the actions name it.
    pub(super) collection: &'b str,
    /// Where the bytes of their documents are counted.
    pub(super) bytes: &'b mut usize,
}

impl Stretch<'_> {
    /// Applies the stretch.
    pub(super) fn run(
        &mut self,
        connection: &Connection,
        collection: &mut Collection,
        files: &[String],
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        match &mut collection.phase {
            Phase::Loading(load) => self.load(connection, load, &mut collection.entry, files, out),
            Phase::Applying(probe) => {
                let name = collection.entry.name.clone();
                let table = Table::new(connection, &name, collection.secondary, &mut collection.tombstones)?;
                self.apply(table, &mut collection.entry, probe, out)
            }
        }
    }

    fn load(
        &mut self,
        connection: &Connection,
        load: &mut Load,
        entry: &mut Entry,
        files: &[String],
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(&append_sql(&entry.name))?;
        for (item, action) in self.batch.actions_from(self.at) {
            let BatchAction { op, key, doc, .. } = action;
            if action.collection != self.collection || !can_load(&action) {
                return Ok(());
            }
            let row = NewRow { op, origin: item.origin, key, doc, repeats: item.repeats };
            match load.append(connection, entry, &mut insert, row, files)? {
                Ok(()) => out.settle_many(Bucket::Created, 1),
                Err(reason) => out.settle(self.batch, self.at, Bucket::Error, Some(reason), None),
            }
            *self.bytes += doc.len();
            self.at += 1;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        mut table: Table<'_>,
        entry: &mut Entry,
        probe: &mut Option<Probe>,
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        for (_, action) in self.batch.actions_from(self.at) {
            if action.collection != self.collection || probe.as_ref().is_some_and(Probe::is_done) {
                return Ok(());
            }
            *self.bytes += action.doc.len();
            let applied = table.apply(entry, &action)?;
            if let Some(probe) = probe {
                probe.count(!matches!(applied, Ok(Applied::Created)));
            }
            match applied {
                Ok(applied) => out.settle_many(applied.bucket(), 1),
                Err(reason) => out.settle(self.batch, self.at, Bucket::Error, Some(reason), None),
            }
            self.at += 1;
        }
        Ok(())
    }
}
