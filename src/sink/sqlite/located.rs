//! The document of the next action, where its row is known before: it is read and replaced without a look at the index.

use super::schema::quoted;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

/// A document as it is stored.
pub(super) struct Stored {
    pub(super) row: i64,
    pub(super) version: i64,
    pub(super) seq: i64,
    pub(super) doc: String,
}

impl Stored {
    /// Reads `rowid, _version, _seq_no, doc`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
        Ok(Stored { row: row.get(0)?, version: row.get(1)?, seq: row.get(2)?, doc: row.get(3)? })
    }
}

/// The statements, and the row.
pub(super) struct Located<'c> {
    /// The row of the document, until it is removed.
    pub(super) row: Option<i64>,
    /// The row that the action wrote.
    pub(super) written: Option<i64>,
    row_of: CachedStatement<'c>,
    select: CachedStatement<'c>,
    replace: CachedStatement<'c>,
    renumber: CachedStatement<'c>,
}

impl<'c> Located<'c> {
    /// Prepares the statements for a collection.
    pub(super) fn new(connection: &'c Connection, collection: &str) -> rusqlite::Result<Located<'c>> {
        let table = quoted(collection);
        Ok(Located {
            row: None,
            written: None,
            row_of: connection.prepare_cached(&format!("SELECT rowid FROM {table} WHERE _key = ?1"))?,
            select: connection
                .prepare_cached(&format!("SELECT rowid, _version, _seq_no, doc FROM {table} WHERE rowid = ?1"))?,
            // A version that would leave the 64 bits is not added to here.
            replace: connection.prepare_cached(&format!(
                "UPDATE {table} SET _version = _version + 1, _seq_no = ?2, doc = ?3
                 WHERE rowid = ?1 AND _version < {}",
                i64::MAX
            ))?,
            renumber: connection
                .prepare_cached(&format!("UPDATE {table} SET _seq_no = ?3 WHERE rowid = ?1 AND _seq_no = ?2"))?,
        })
    }

    /// The row of a key.
    pub(super) fn row_of(&mut self, key: &str) -> rusqlite::Result<Option<i64>> {
        self.row_of.query_row([key], |row| row.get(0)).optional()
    }

    /// The document, if its row is known.
    pub(super) fn find(&mut self) -> rusqlite::Result<Option<Stored>> {
        let Some(row) = self.row else { return Ok(None) };
        self.select.query_row([row], Stored::read).optional()
    }

    /// Replaces the document without reading it; whether that was possible.
    pub(super) fn replace(&mut self, seq: i64, doc: &str) -> rusqlite::Result<bool> {
        let Some(row) = self.row else { return Ok(false) };
        self.written = (self.replace.execute((row, seq, doc))? > 0).then_some(row);
        Ok(self.written.is_some())
    }

    /// Corrects the sequence number of a row that still has the number `from`.
    pub(super) fn renumber(&mut self, row: i64, from: i64, to: i64) -> rusqlite::Result<()> {
        self.renumber.execute((row, from, to)).map(drop)
    }
}
