//! Applies one action to a collection that has its unique index.

use super::schema::{Entry, quoted};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::Merger;
use crate::record::Reason;
use crate::sink::Bucket;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// The statements on one collection, prepared once for a run of actions.
pub struct Table<'c> {
    connection: &'c Connection,
    entry: &'c mut Entry,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    rewrite: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    /// Whether another unique index than that on the key may refuse a document.
    secondary: bool,
    /// Whether keys deleted a short while ago are remembered, with their versions.
    tombstones: &'c mut bool,
    merger: Merger,
}

/// A document as it is stored.
struct Stored {
    row: i64,
    version: i64,
    doc: String,
}

/// Where an action ends, or why it failed; the outer result is the database's.
type Applied = rusqlite::Result<Result<Bucket, Reason>>;

impl<'c> Table<'c> {
    /// Prepares the statements for a collection.
    pub fn new(
        connection: &'c Connection,
        entry: &'c mut Entry,
        secondary: bool,
        tombstones: &'c mut bool,
    ) -> rusqlite::Result<Table<'c>> {
        let table = quoted(&entry.name);
        Ok(Table {
            connection,
            entry,
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
        })
    }

    /// Applies an action.
    pub fn apply(&mut self, action: &BatchAction<'_>) -> Applied {
        match action.op {
            Op::Create | Op::CreateOrIgnore => self.create(action),
            Op::Index => self.index(action),
            Op::Upsert | Op::Update => self.update(action),
            Op::Delete => self.delete(action.key),
        }
    }

    fn create(&mut self, action: &BatchAction<'_>) -> Applied {
        let ignore = action.op == Op::CreateOrIgnore;
        Ok(match self.insert(action.key, action.doc)? {
            Ok(true) => Ok(Bucket::Created),
            Ok(false) if ignore => Ok(Bucket::Ignored),
            Ok(false) => Err(super::duplicate(action.key)),
            Err(reason) if ignore && reason.kind == super::UNIQUE => Ok(Bucket::Ignored),
            Err(reason) => Err(reason),
        })
    }

    fn index(&mut self, action: &BatchAction<'_>) -> Applied {
        // With other unique indexes an insert might fail on the very document that it is to replace.
        if !self.secondary {
            match self.insert(action.key, action.doc)? {
                Ok(true) => return Ok(Ok(Bucket::Created)),
                Ok(false) => {}
                Err(reason) => return Ok(Err(reason)),
            }
        }
        match self.find(action.key)? {
            Some(stored) => self.rewrite(&stored, action.doc),
            None => self.insert_new(action.key, action.doc),
        }
    }

    fn update(&mut self, action: &BatchAction<'_>) -> Applied {
        let Some(stored) = self.find(action.key)? else {
            let upsert = if action.op == Op::Upsert { Some(action.doc) } else { action.upsert };
            return match upsert {
                Some(doc) => self.insert_new(action.key, doc),
                None => {
                    Ok(Err(Reason::new("document_missing", format!("no document with key {:?} to update", action.key))))
                }
            };
        };
        match super::merged(&mut self.merger, &stored.doc, action.doc) {
            Err(error) => Ok(Err(super::unmergeable(action.key, &error.to_string()))),
            Ok(doc) if action.detect_noop && doc == stored.doc => Ok(Ok(Bucket::Updated)),
            Ok(doc) => self.rewrite(&stored, &doc),
        }
    }

    fn delete(&mut self, key: &str) -> Applied {
        let Some(stored) = self.find(key)? else { return Ok(Ok(Bucket::Ignored)) };
        self.remove.execute([stored.row])?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_tombstones VALUES (?1, ?2, ?3, unixepoch())")?
            .execute(params![self.entry.name, key, stored.version + 1])?;
        *self.tombstones = true;
        self.entry.next_seq += 1;
        Ok(Ok(Bucket::Deleted))
    }

    fn find(&mut self, key: &str) -> rusqlite::Result<Option<Stored>> {
        self.select
            .query_row([key], |row| Ok(Stored { row: row.get(0)?, version: row.get(1)?, doc: row.get(2)? }))
            .optional()
    }

    fn insert_new(&mut self, key: &str, doc: &str) -> Applied {
        Ok(self.insert(key, doc)?.map(|_| Bucket::Created))
    }

    /// Inserts a document; false if its key exists.
    fn insert(&mut self, key: &str, doc: &str) -> rusqlite::Result<Result<bool, Reason>> {
        let version = if *self.tombstones { self.version_after_delete(key)? } else { 1 };
        match self.insert.execute((key, version, self.entry.next_seq, doc)) {
            Ok(rows) => {
                self.entry.next_seq += rows as i64;
                Ok(Ok(rows > 0))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    fn rewrite(&mut self, stored: &Stored, doc: &str) -> Applied {
        match self.rewrite.execute((stored.row, stored.version + 1, self.entry.next_seq, doc)) {
            Ok(_) => {
                self.entry.next_seq += 1;
                Ok(Ok(Bucket::Updated))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    /// A key that was deleted a short while ago goes on with its versions, as in Elasticsearch (`index.gc_deletes`).
    fn version_after_delete(&self, key: &str) -> rusqlite::Result<i64> {
        let version: Option<i64> = self
            .connection
            .prepare_cached("SELECT _version + 1 FROM bulkimport_tombstones WHERE collection = ?1 AND _key = ?2")?
            .query_row([&*self.entry.name, key], |row| row.get(0))
            .optional()?;
        Ok(version.unwrap_or(1))
    }
}
