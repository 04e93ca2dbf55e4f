//! Applies one action to a collection that has its unique index, and what bulk lines need for that: to find, to write and to
//! remove a document with the version that it is to have.

use super::item::{Applied, Done, ItemError, Written};
use super::located::{Located, Stored};
use super::schema::{Entry, quoted};
use super::traits::Traits;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::Merger;
use crate::record::Reason;
use crate::sink::Bucket;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// The statements on one collection, prepared once for a run of actions.
pub struct Table<'c> {
    connection: &'c Connection,
    pub(super) entry: &'c mut Entry,
    traits: &'c mut Traits,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    rewrite: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    merger: Merger,
    /// What is known of the row of the next action; see `sorted`.
    pub(super) located: Located<'c>,
}

impl<'c> Table<'c> {
    /// Prepares the statements for a collection.
    pub fn new(
        connection: &'c Connection,
        entry: &'c mut Entry,
        traits: &'c mut Traits,
    ) -> rusqlite::Result<Table<'c>> {
        let table = quoted(&entry.name);
        Ok(Table {
            located: Located::new(connection, &entry.name)?,
            connection,
            entry,
            traits,
            insert: connection.prepare_cached(&format!(
                "INSERT INTO {table} (_key, _version, _seq_no, doc) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (_key) DO NOTHING"
            ))?,
            select: connection
                .prepare_cached(&format!("SELECT rowid, _version, _seq_no, doc FROM {table} WHERE _key = ?1"))?,
            rewrite: connection
                .prepare_cached(&format!("UPDATE {table} SET _version = ?2, _seq_no = ?3, doc = ?4 WHERE rowid = ?1"))?,
            remove: connection.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
            merger: Merger::default(),
        })
    }

    /// The collection's name.
    pub(super) fn name(&self) -> &str {
        &self.entry.name
    }

    /// Applies an action that is no bulk line with more than its key and its document.
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
        let bucket = if ignore { Bucket::Ignored } else { Bucket::Error };
        Ok(match self.insert(action.key, action.doc)? {
            Ok(Some(written)) => Done::Written(written),
            Ok(None) if self.traits.triggers && self.find(action.key)?.is_none() => {
                Done::refused(super::not_stored(action.key))
            }
            Ok(None) => {
                let version =
                    if self.traits.shows { self.find(action.key)?.map(|stored| stored.version) } else { None };
                let error = version.map(|version| ItemError::exists(action.key, version));
                Done::Failed { bucket, reason: super::duplicate(action.key), error }
            }
            Err(reason) if reason.kind == super::UNIQUE => Done::Failed { bucket, reason, error: None },
            Err(reason) => Done::refused(reason),
        })
    }

    fn index(&mut self, action: &BatchAction<'_>) -> Applied {
        // With other unique indexes an insert might fail on the very document that it is to replace.
        if !self.traits.secondary {
            match self.insert(action.key, action.doc)? {
                Ok(Some(written)) => return Ok(Done::Written(written)),
                Ok(None) => {}
                Err(reason) => return Ok(Done::refused(reason)),
            }
        }
        let stored = self.find(action.key)?;
        let done = self.write(action.key, stored.as_ref(), None, action.doc)?.into();
        if self.traits.routed {
            self.set_routing(action.key, None)?;
        }
        Ok(done)
    }

    fn update(&mut self, action: &BatchAction<'_>) -> Applied {
        let Some(stored) = self.find(action.key)? else {
            let upsert = if action.op == Op::Upsert { Some(action.doc) } else { action.upsert };
            return match upsert {
                Some(doc) => Ok(self.write(action.key, None, None, doc)?.into()),
                None => {
                    let reason =
                        Reason::new("document_missing", format!("no document with key {:?} to update", action.key));
                    let error = self.traits.shows.then(|| ItemError::missing(action.key));
                    Ok(Done::Failed { bucket: Bucket::Error, reason, error })
                }
            };
        };
        Ok(match self.merged(&stored.doc, action.doc) {
            Err(error) => Done::refused(super::unmergeable(action.key, &error)),
            Ok(None) if action.detect_noop => Done::Written(Written::noop(stored.version, stored.seq)),
            Ok(doc) => self.write(action.key, Some(&stored), None, doc.as_ref().unwrap_or(&stored.doc))?.into(),
        })
    }

    /// A document merged into an older one; nothing if that changes no value.
    pub(super) fn merged(&mut self, old: &str, new: &str) -> Result<Option<String>, String> {
        let merged = super::merged(&mut self.merger, old, new).map_err(|error| error.to_string())?;
        Ok(Some(merged).filter(|_| self.merger.has_changed()))
    }

    fn delete(&mut self, key: &str) -> Applied {
        let stored = self.find(key)?;
        Ok(Done::Written(self.remove(key, stored.as_ref(), None)?))
    }

    /// The document under a key.
    pub(super) fn find(&mut self, key: &str) -> rusqlite::Result<Option<Stored>> {
        match self.located.find()? {
            Some(stored) => Ok(Some(stored)),
            None => self.select.query_row([key], Stored::read).optional(),
        }
    }

    /// Inserts a document with the version that follows; nothing if its key exists.
    fn insert(&mut self, key: &str, doc: &str) -> rusqlite::Result<Result<Option<Written>, Reason>> {
        if self.located.row.is_some() {
            return Ok(Ok(None));
        }
        let version = self.deleted_version(key)?.unwrap_or(0).wrapping_add(1);
        self.insert_as(key, version, doc)
    }

    fn insert_as(&mut self, key: &str, version: i64, doc: &str) -> rusqlite::Result<Result<Option<Written>, Reason>> {
        let seq = self.entry.next_seq;
        match self.insert.execute((key, version, seq, doc)) {
            Ok(rows) => {
                self.entry.next_seq += rows as i64;
                if rows > 0 {
                    self.located.written = Some(self.connection.last_insert_rowid());
                }
                Ok(Ok((rows > 0).then(|| Written::created(version, seq))))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    /// Writes a document if it is cheap to tell that its key is new; nothing if it is not.
    pub(super) fn write_if_new(
        &mut self,
        key: &str,
        version: Option<i64>,
        doc: &str,
    ) -> rusqlite::Result<Result<Option<Written>, Reason>> {
        // A deleted key has a version, and with other unique indexes the very document to replace might refuse.
        if self.traits.tombstones || self.traits.secondary {
            return Ok(Ok(None));
        }
        self.insert_as(key, version.unwrap_or(1), doc)
    }

    /// Writes a document where `stored` is, or where nothing is, with this version or the one that follows.
    pub(super) fn write(
        &mut self,
        key: &str,
        stored: Option<&Stored>,
        version: Option<i64>,
        doc: &str,
    ) -> rusqlite::Result<Result<Written, Reason>> {
        let Some(stored) = stored else {
            let inserted = match version {
                Some(version) => self.insert_as(key, version, doc)?,
                None => self.insert(key, doc)?,
            };
            // Its key was not found before.
            return Ok(inserted.and_then(|written| written.ok_or_else(|| super::not_stored(key))));
        };
        let (version, seq) = (version.unwrap_or(stored.version.wrapping_add(1)), self.entry.next_seq);
        match self.rewrite.execute((stored.row, version, seq, doc)) {
            Ok(0) => Ok(Err(super::not_stored(key))),
            Ok(_) => {
                self.entry.next_seq += 1;
                self.located.written = Some(stored.row);
                Ok(Ok(Written::updated(version, seq)))
            }
            Err(error) => super::refused_document(error).map(Err),
        }
    }

    /// Removes a document, or notes that it was to be removed: both make a version and take a sequence number, as in
    /// Elasticsearch. The version is kept for good, where that forgets it after `index.gc_deletes`.
    pub(super) fn remove(
        &mut self,
        key: &str,
        stored: Option<&Stored>,
        version: Option<i64>,
    ) -> rusqlite::Result<Written> {
        let last = match stored {
            Some(stored) => stored.version,
            None => self.deleted_version(key)?.unwrap_or(0),
        };
        let version = version.unwrap_or(last.wrapping_add(1));
        self.located.row = None;
        if let Some(stored) = stored {
            match self.remove.execute([stored.row])? {
                1 => {}
                rows => return Err(rusqlite::Error::StatementChangedRows(rows)),
            }
        }
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_tombstones VALUES (?1, ?2, ?3, unixepoch())")?
            .execute(params![self.entry.name, key, version])?;
        self.traits.tombstones = true;
        let seq = self.entry.next_seq;
        self.entry.next_seq += 1;
        let (bucket, result) =
            if stored.is_some() { (Bucket::Deleted, "deleted") } else { (Bucket::Ignored, "not_found") };
        Ok(Written { bucket, result, version, seq: Some(seq), get: None })
    }

    /// The version with which a key was deleted: it goes on from there.
    pub(super) fn deleted_version(&self, key: &str) -> rusqlite::Result<Option<i64>> {
        if !self.traits.tombstones {
            return Ok(None);
        }
        self.connection
            .prepare_cached("SELECT _version FROM bulkimport_tombstones WHERE collection = ?1 AND _key = ?2")?
            .query_row([&*self.entry.name, key], |row| row.get(0))
            .optional()
    }

    /// The outcome of an action, once it is certain that no trigger has undone it.
    pub(super) fn verified(&mut self, key: &str, done: Done) -> Applied {
        let Done::Written(written) = &done else { return Ok(done) };
        let seq = written.seq;
        let is_stored = match written.bucket {
            Bucket::Created | Bucket::Updated if seq.is_some() => {
                self.find(key)?.is_some_and(|stored| Some(stored.seq) == seq)
            }
            Bucket::Deleted => self.find(key)?.is_none(),
            _ => true,
        };
        Ok(if is_stored { done } else { Done::refused(super::not_stored(key)) })
    }

    /// The routing of a document.
    pub(super) fn routing(&self, key: &str) -> rusqlite::Result<Option<String>> {
        if !self.traits.routed {
            return Ok(None);
        }
        let sql = format!("SELECT _routing FROM {} WHERE _key = ?1", quoted(&self.entry.name));
        Ok(self.connection.prepare_cached(&sql)?.query_row([key], |row| row.get(0)).optional()?.flatten())
    }

    /// Notes the routing of a document that was just written.
    pub(super) fn set_routing(&mut self, key: &str, routing: Option<&str>) -> rusqlite::Result<()> {
        let table = quoted(&self.entry.name);
        if !self.traits.routed {
            if routing.is_none() {
                return Ok(());
            }
            self.connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN _routing TEXT"))?;
            self.traits.routed = true;
        }
        let sql = format!("UPDATE {table} SET _routing = ?2 WHERE _key = ?1 AND _routing IS NOT ?2");
        self.connection.prepare_cached(&sql)?.execute(params![key, routing])?;
        Ok(())
    }
}
