//! Applies one action to a collection that has its unique index.

use super::schema::{Entry, quoted};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::Merger;
use crate::record::Reason;
use crate::sink::Bucket;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A new document.
    Created,
    /// A document changed, or was found as it should be.
    Updated,
    /// Nothing, on purpose.
    Ignored,
    /// A document removed.
    Deleted,
}

impl Applied {
    /// Its bucket.
    pub fn bucket(self) -> Bucket {
        match self {
            Applied::Created => Bucket::Created,
            Applied::Updated => Bucket::Updated,
            Applied::Ignored => Bucket::Ignored,
            Applied::Deleted => Bucket::Deleted,
        }
    }
}

/// The statements on one collection, prepared once for a stretch of actions.
pub struct Table<'c> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    rewrite: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    /// Whether another unique index than that on the key may refuse a document.
    secondary: bool,
    /// Whether keys deleted a short while ago are remembered, with their versions.
    tombstones: &'c mut bool,
    merger: Merger,
    merged: String,
}

/// A document as it is stored.
struct Stored {
    row: i64,
    version: i64,
    doc: String,
}

type Answer = rusqlite::Result<Result<Applied, Reason>>;

impl<'c> Table<'c> {
    /// Prepares the statements for a collection.
    pub fn new(
        connection: &'c Connection,
        collection: &str,
        secondary: bool,
        tombstones: &'c mut bool,
    ) -> rusqlite::Result<Table<'c>> {
        let table = quoted(collection);
        Ok(Table {
            connection,
            insert: connection.prepare_cached(&format!(
                "INSERT INTO {table} (_key, _version, _seq_no, doc) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (_key) DO NOTHING"
            ))?,
            select: connection.prepare_cached(&format!("SELECT rowid, _version, doc FROM {table} WHERE _key = ?1"))?,
            rewrite: connection
                .prepare_cached(&format!("UPDATE {table} SET _version = ?2, _seq_no = ?3, doc = ?4 WHERE rowid = ?1"))?,
            remove: connection.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
            secondary,
            tombstones,
            merger: Merger::default(),
            merged: String::new(),
        })
    }

    /// Applies an action. The outer result is the database's, the inner one the action's.
    pub fn apply(&mut self, entry: &mut Entry, action: &BatchAction<'_>) -> Answer {
        match action.op {
            Op::Create | Op::CreateOrIgnore => self.create(entry, action),
            Op::Index => self.index(entry, action),
            Op::Upsert | Op::Update => self.update(entry, action),
            Op::Delete => self.delete(entry, action.key),
        }
    }

    fn create(&mut self, entry: &mut Entry, action: &BatchAction<'_>) -> Answer {
        let ignore = action.op == Op::CreateOrIgnore;
        match self.store(entry, action.key, action.doc)? {
            Ok(true) => Ok(Ok(Applied::Created)),
            Ok(false) if ignore => Ok(Ok(Applied::Ignored)),
            Err(reason) if ignore && reason.kind == super::UNIQUE => Ok(Ok(Applied::Ignored)),
            Ok(false) => Ok(Err(super::duplicate(action.key))),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn index(&mut self, entry: &mut Entry, action: &BatchAction<'_>) -> Answer {
        // With other unique indexes an insert might fail on the very document that it is to replace.
        let stored = if self.secondary {
            self.find(action.key)?
        } else {
            match self.store(entry, action.key, action.doc)? {
                Ok(true) => return Ok(Ok(Applied::Created)),
                Ok(false) => self.find(action.key)?,
                Err(reason) => return Ok(Err(reason)),
            }
        };
        match stored {
            Some(stored) => self.write(entry, &stored, action.doc),
            None => self.insert_new(entry, action.key, action.doc),
        }
    }

    fn update(&mut self, entry: &mut Entry, action: &BatchAction<'_>) -> Answer {
        let Some(stored) = self.find(action.key)? else {
            let upsert = if action.op == Op::Upsert { Some(action.doc) } else { action.upsert };
            return match upsert {
                Some(doc) => self.insert_new(entry, action.key, doc),
                None => Ok(Err(Reason::new("document_missing", format!("no document {:?} to update", action.key)))),
            };
        };
        let mut merged = std::mem::take(&mut self.merged);
        merged.clear();
        let answer = match self.merger.merge(&stored.doc, action.doc, &mut merged) {
            Err(error) => Ok(Err(super::unmergeable(action.key, &error.to_string()))),
            Ok(()) if action.detect_noop && merged == stored.doc => Ok(Ok(Applied::Updated)),
            Ok(()) => self.write(entry, &stored, &merged),
        };
        self.merged = merged;
        answer
    }

    fn delete(&mut self, entry: &mut Entry, key: &str) -> Answer {
        let Some(stored) = self.find(key)? else { return Ok(Ok(Applied::Ignored)) };
        self.remove.execute([stored.row])?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_tombstones VALUES (?1, ?2, ?3, unixepoch())")?
            .execute(params![entry.name, key, stored.version + 1])?;
        *self.tombstones = true;
        entry.next_seq += 1;
        Ok(Ok(Applied::Deleted))
    }

    fn find(&mut self, key: &str) -> rusqlite::Result<Option<Stored>> {
        self.select
            .query_row([key], |row| Ok(Stored { row: row.get(0)?, version: row.get(1)?, doc: row.get(2)? }))
            .optional()
    }

    fn insert_new(&mut self, entry: &mut Entry, key: &str, doc: &str) -> Answer {
        Ok(self.store(entry, key, doc)?.map(|_| Applied::Created))
    }

    /// Inserts a document; false if its key exists.
    fn store(&mut self, entry: &mut Entry, key: &str, doc: &str) -> rusqlite::Result<Result<bool, Reason>> {
        let version = if *self.tombstones { self.version_after_delete(&entry.name, key)? } else { 1 };
        match self.insert.execute((key, version, entry.next_seq, doc)) {
            Ok(0) => Ok(Ok(false)),
            Ok(_) => {
                entry.next_seq += 1;
                Ok(Ok(true))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    fn write(&mut self, entry: &mut Entry, stored: &Stored, doc: &str) -> Answer {
        match self.rewrite.execute((stored.row, stored.version + 1, entry.next_seq, doc)) {
            Ok(_) => {
                entry.next_seq += 1;
                Ok(Ok(Applied::Updated))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    /// A key that was deleted a short while ago goes on with its versions, as in Elasticsearch (`index.gc_deletes`).
    fn version_after_delete(&self, collection: &str, key: &str) -> rusqlite::Result<i64> {
        let deleted: Option<i64> = self
            .connection
            .prepare_cached("SELECT _version FROM bulkimport_tombstones WHERE collection = ?1 AND _key = ?2")?
            .query_row([collection, key], |row| row.get(0))
            .optional()?;
        Ok(deleted.map_or(1, |version| version + 1))
    }
}
