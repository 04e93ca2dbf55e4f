//! Settles rows whose keys repeat, after a load: finds them, lets the mode of each row decide, and leaves one row a key.

use super::gaps;
use super::schema::quoted;
use crate::json::{MergeError, Merger};
use crate::record::Origin;
use crate::seen;
use crate::sink::Ledger;
use rusqlite::{Connection, OptionalExtension, Statement, params};
use std::collections::HashSet;

/// How rows that had a duplicate ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resolved {
    /// Rows that were merged into an earlier one, or took its place.
    pub updated: u64,
    /// Rows dropped because the mode says so.
    pub ignored: u64,
    /// Rows dropped as errors.
    pub errors: u64,
}

impl Resolved {
    /// Adds what a second pass settled.
    pub fn add(&mut self, other: Resolved) {
        self.updated += other.updated;
        self.ignored += other.ignored;
        self.errors += other.errors;
    }

    /// Rows that are no longer there.
    pub fn removed(&self) -> u64 {
        self.updated + self.ignored + self.errors
    }
}

/// Finds the rows whose key repeats and settles each group in the order of its rows. Rows without an origin are none of
/// ours: they were there before the load, or another program put them there during it. `hashes` has those of all repeated keys, and perhaps others, if they are known.
pub fn resolve(connection: &Connection, collection: &str, hashes: Option<&HashSet<u64>>) -> rusqlite::Result<Resolved> {
    // A temporary table hides one of the same name, so these have names that no collection has.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS bulkimport_duplicates (_key TEXT, row INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_candidates (_key TEXT, row INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_failures
           (row INTEGER PRIMARY KEY, file INTEGER, line INTEGER, record INTEGER, _key TEXT, cause TEXT);
         DELETE FROM temp.bulkimport_duplicates; DELETE FROM temp.bulkimport_candidates;",
    )?;
    gaps::prepare(connection)?;
    match hashes {
        Some(hashes) => {
            candidates(connection, collection, hashes)?;
            collect(connection, "SELECT _key, row FROM temp.bulkimport_candidates ORDER BY _key, row")?;
        }
        None => collect(connection, &format!("SELECT _key, rowid FROM {} ORDER BY _key, rowid", quoted(collection)))?,
    }
    let table = quoted(collection);
    let mut rows = connection.prepare("SELECT _key, row FROM temp.bulkimport_duplicates ORDER BY rowid")?;
    let mut rows = rows.query([])?;
    let mut group = Group::new(connection, &table)?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().unwrap_or_default();
        let number: i64 = row.get(1)?;
        if group.key.as_deref() != Some(key) {
            group.write()?;
            group.begin(key, number)?;
            continue;
        }
        let origin = origin_of(connection, collection, number)?;
        group.settle(key, number, origin)?;
    }
    group.write()?;
    let resolved = group.resolved;
    drop(group);
    connection.execute_batch("DELETE FROM temp.bulkimport_duplicates; DELETE FROM temp.bulkimport_candidates;")?;
    Ok(resolved)
}

/// Reports the rows that `resolve` found to be errors, in the order of the input, and forgets them.
pub fn drain(connection: &Connection, out: &mut Ledger) -> rusqlite::Result<()> {
    let mut failures =
        connection.prepare("SELECT file, line, record, _key, cause FROM temp.bulkimport_failures ORDER BY row")?;
    let mut rows = failures.query([])?;
    while let Some(row) = rows.next()? {
        let origin = Origin {
            file: row.get(0)?,
            line: row.get::<_, i64>(1)? as u64,
            record: row.get::<_, i64>(2)? as u64,
            offset: 0,
        };
        let (key, cause): (String, Option<String>) = (row.get(3)?, row.get(4)?);
        let reason = cause.map_or_else(|| super::duplicate(&key), |cause| super::unmergeable(&key, &cause));
        out.fail_created(origin, &key, reason);
    }
    forget(connection)
}

/// Forgets the rows that `resolve` found to be errors: those of another run's load are not this run's.
pub fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM temp.bulkimport_failures")
}

/// Puts every row whose key has one of the hashes into `temp.bulkimport_candidates`: one pass over the table, no sorting.
fn candidates(connection: &Connection, collection: &str, hashes: &HashSet<u64>) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO temp.bulkimport_candidates VALUES (?1, ?2)")?;
    let mut all = connection.prepare(&format!("SELECT _key, rowid FROM {}", quoted(collection)))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().unwrap_or_default();
        if hashes.contains(&seen::hash(key)) {
            insert.execute((key, row.get::<_, i64>(1)?))?;
        }
    }
    Ok(())
}

/// Puts every row of every group with more than one row into `temp.bulkimport_duplicates`, group by group, in order.
fn collect(connection: &Connection, ordered: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO temp.bulkimport_duplicates VALUES (?1, ?2)")?;
    let mut all = connection.prepare(ordered)?;
    let mut rows = all.query([])?;
    let mut key = String::new();
    // The first row of a group is held back until a second one shows that it is a group.
    let mut held: Option<i64> = None;
    let mut begun = false;
    while let Some(row) = rows.next()? {
        let next = row.get_ref(0)?.as_str().unwrap_or_default();
        let number: i64 = row.get(1)?;
        if begun && next == key {
            if let Some(first) = held.take() {
                insert.execute((&key, first))?;
            }
            insert.execute((&key, number))?;
        } else {
            key.clear();
            key.push_str(next);
            held = Some(number);
            begun = true;
        }
    }
    Ok(())
}

/// Where a row came from and what its mode is, if it belongs to a load.
fn origin_of(connection: &Connection, collection: &str, row: i64) -> rusqlite::Result<Option<(String, Origin)>> {
    connection
        .prepare_cached(
            "SELECT mode, file_number, line + (?2 - first_row) * step, record + (?2 - first_row) FROM
               (SELECT * FROM bulkimport_origins WHERE collection = ?1 AND first_row <= ?2 ORDER BY first_row DESC LIMIT 1)
             WHERE ?2 <= last_row",
        )?
        .query_row(params![collection, row], |found| {
            let origin = Origin {
                file: found.get(1)?,
                line: found.get::<_, i64>(2)? as u64,
                record: found.get::<_, i64>(3)? as u64,
                offset: 0,
            };
            Ok((found.get(0)?, origin))
        })
        .optional()
}

/// The rows of one key, being made one.
struct Group<'c> {
    read: Statement<'c>,
    rewrite: Statement<'c>,
    remove: Statement<'c>,
    failures: Statement<'c>,
    /// For a row that changed nothing.
    give_up: [Statement<'c>; 2],
    /// The key of the group; none before the first.
    key: Option<String>,
    first: i64,
    version: i64,
    seq: i64,
    doc: String,
    changed: bool,
    merger: Merger,
    resolved: Resolved,
}

impl<'c> Group<'c> {
    fn new(connection: &'c Connection, table: &str) -> rusqlite::Result<Group<'c>> {
        let [unused, held] = gaps::give_up_sql(table);
        Ok(Group {
            read: connection.prepare(&format!("SELECT _version, _seq_no, doc FROM {table} WHERE rowid = ?1"))?,
            rewrite: connection
                .prepare(&format!("UPDATE {table} SET _version = ?2, _seq_no = ?3, doc = ?4 WHERE rowid = ?1"))?,
            remove: connection.prepare(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
            failures: connection.prepare("INSERT INTO temp.bulkimport_failures VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            give_up: [connection.prepare(&unused)?, connection.prepare(&held)?],
            key: None,
            first: 0,
            version: 0,
            seq: 0,
            doc: String::new(),
            changed: false,
            merger: Merger::default(),
            resolved: Resolved::default(),
        })
    }

    fn begin(&mut self, key: &str, row: i64) -> rusqlite::Result<()> {
        self.key = Some(key.to_owned());
        self.first = row;
        self.changed = false;
        let (version, seq, doc) = self.read.query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        (self.version, self.seq, self.doc) = (version, seq, doc);
        Ok(())
    }

    /// Lets the mode of a later row of the group decide, and removes the row.
    fn settle(&mut self, key: &str, row: i64, origin: Option<(String, Origin)>) -> rusqlite::Result<()> {
        let Some((mode, origin)) = origin else {
            // Another program put it there during the load; it is no record of ours, and the first row of a key stays.
            self.remove.execute([row])?;
            return Ok(());
        };
        let has_changed = match mode.as_str() {
            "replace" | "update" => self.write_over(key, row, origin, mode == "update")?,
            "ignore" => {
                self.resolved.ignored += 1;
                false
            }
            _ => {
                self.resolved.errors += 1;
                self.fail(row, key, origin, None)?;
                false
            }
        };
        if !has_changed {
            for statement in &mut self.give_up {
                statement.execute([row])?;
            }
        }
        self.remove.execute([row])?;
        Ok(())
    }

    /// Lets a later row take the place of the document so far, or merges it in; whether that changed it.
    fn write_over(&mut self, key: &str, row: i64, origin: Origin, merges: bool) -> rusqlite::Result<bool> {
        let (seq, doc): (i64, String) = self.read.query_row([row], |row| Ok((row.get(1)?, row.get(2)?)))?;
        let doc = match if merges { merged(&mut self.merger, &self.doc, &doc) } else { Ok(doc) } {
            Ok(doc) => doc,
            Err(error) => {
                self.resolved.errors += 1;
                self.fail(row, key, origin, Some(error.to_string()))?;
                return Ok(false);
            }
        };
        self.resolved.updated += 1;
        // An update that changes nothing makes no version.
        if merges && doc == self.doc {
            return Ok(false);
        }
        self.doc = doc;
        self.version += 1;
        self.seq = seq;
        self.changed = true;
        Ok(true)
    }

    /// Remembers a row that is an error: in the database, because there may be any number of them.
    fn fail(&mut self, row: i64, key: &str, origin: Origin, cause: Option<String>) -> rusqlite::Result<()> {
        self.failures.execute(params![row, origin.file, origin.line as i64, origin.record as i64, key, cause])?;
        Ok(())
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.changed) {
            self.rewrite.execute(params![self.first, self.version, self.seq, self.doc])?;
        }
        Ok(())
    }
}

fn merged(merger: &mut Merger, old: &str, new: &str) -> Result<String, MergeError> {
    let mut merged = String::with_capacity(old.len() + new.len());
    merger.merge(old, new, &mut merged)?;
    Ok(merged)
}
