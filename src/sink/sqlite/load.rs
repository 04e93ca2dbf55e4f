//! Loading without an index: rows are appended as they come, and the unique index is built when all are there.
//!
//! Duplicates then show up late, when nobody remembers where they came from. So the origin of each row is kept until the
//! index stands, in the store itself, as stretches of rows whose lines grow by the same step: one for a clean file. An
//! interrupted load is finished from them by whoever opens the store next.

use super::schema::{self, Entry, key_index, quoted};
use super::{duplicates, gaps};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::key_filter;
use crate::record::{Origin, Reason};
use crate::sink::{Bucket, Counts};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::HashSet;

/// A load under way.
#[derive(Debug)]
pub struct Load {
    run: Option<RowRun>,
    /// Hashes of the keys that perhaps repeat; `None` when that is not known, or they are too many to remember.
    repeats: Option<HashSet<u64>>,
    /// Whether rows have no sequence number yet; see `gaps`.
    has_held: bool,
}

/// How many hashes of repeated keys are remembered, some 12 MiB; a file with more is sorted to find them.
const MAX_REPEATS: usize = 500_000;

/// Rows whose origins follow each other evenly.
#[derive(Debug)]
struct RowRun {
    first_row: i64,
    last_row: i64,
    op: Op,
    first: Origin,
    last: Origin,
    /// Lines from one row to the next; known from the second row on.
    step: Option<u64>,
}

/// Whether an action can be loaded: those that store their document whatever was there, or leave it to a later look. That
/// look takes every update for one that makes no version where it changes nothing.
pub fn can_load(action: &BatchAction<'_>) -> bool {
    match action.op {
        Op::Create | Op::CreateOrIgnore | Op::Index => true,
        Op::Upsert => action.detect_noop,
        Op::Update | Op::Delete => false,
    }
}

/// The word for an operation in the table of origins.
fn mode(op: Op) -> &'static str {
    match op {
        Op::Create => "error",
        Op::CreateOrIgnore => "ignore",
        Op::Index => "replace",
        _ => "update",
    }
}

impl Load {
    /// Begins a load: drops the unique index, if there is one. Of rows that are there already, nobody knows the hashes.
    pub fn begin(connection: &Connection, entry: &mut Entry, is_empty: bool) -> rusqlite::Result<Load> {
        connection.execute_batch(&format!("DROP INDEX IF EXISTS {}", quoted(&key_index(&entry.name))))?;
        entry.loading = true;
        Ok(Load { run: None, repeats: is_empty.then(HashSet::new), has_held: false })
    }

    /// Writes down what is known of the rows so far; before every commit.
    pub fn save(&self, connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
        self.run.as_ref().map_or(Ok(()), |run| run.save(connection, &entry.name))
    }
}

/// A load with its statement, prepared once for several rows.
pub struct Loader<'c> {
    connection: &'c Connection,
    entry: &'c mut Entry,
    load: &'c mut Load,
    insert: CachedStatement<'c>,
}

impl<'c> Loader<'c> {
    /// Prepares the statement.
    pub fn new(connection: &'c Connection, entry: &'c mut Entry, load: &'c mut Load) -> rusqlite::Result<Loader<'c>> {
        let table = quoted(&entry.name);
        let sql = format!("INSERT INTO {table} (_key, _version, _seq_no, doc) VALUES (?1, 1, ?2, ?3)");
        Ok(Loader { connection, entry, load, insert: connection.prepare_cached(&sql)? })
    }

    /// Appends a row; `repeats` says whether its key perhaps repeats an earlier one of the run.
    pub fn append(
        &mut self,
        action: &BatchAction<'_>,
        origin: Origin,
        repeats: bool,
    ) -> rusqlite::Result<Result<Bucket, Reason>> {
        let Loader { connection, entry, load, insert } = self;
        let BatchAction { op, key, doc, .. } = *action;
        // One of these whose key is there changes nothing, so it is taken for a duplicate without a number.
        let is_held = repeats && load.repeats.is_some() && matches!(op, Op::Create | Op::CreateOrIgnore);
        let seq = if is_held { gaps::held(entry.next_seq) } else { entry.next_seq };
        if let Err(error) = insert.execute((key, seq, doc)) {
            return super::refused_document(error).map(Err);
        }
        load.has_held |= is_held;
        entry.next_seq += i64::from(!is_held);
        if let (true, Some(hashes)) = (repeats, &mut load.repeats) {
            hashes.insert(key_filter::hash(key));
            if hashes.len() > MAX_REPEATS {
                load.repeats = None;
            }
        }
        let row = connection.last_insert_rowid();
        if load.run.as_mut().is_none_or(|run| !run.takes(row, op, origin)) {
            load.save(connection, entry)?;
            load.run = Some(RowRun { first_row: row, last_row: row, op, first: origin, last: origin, step: None });
        }
        Ok(Ok(Bucket::Created))
    }
}

impl RowRun {
    /// Takes a further row in, if it continues the run.
    fn takes(&mut self, row: i64, op: Op, origin: Origin) -> bool {
        let step = origin.line.wrapping_sub(self.last.line);
        // Between two commits another program may have put rows of its own there.
        let continues = row == self.last_row + 1
            && op == self.op
            && origin.file == self.first.file
            && origin.record == self.last.record + 1
            && self.step.is_none_or(|known| known == step);
        if continues {
            self.step = Some(step);
            self.last = origin;
            self.last_row = row;
        }
        continues
    }

    fn save(&self, connection: &Connection, collection: &str) -> rusqlite::Result<()> {
        let Origin { file, line, record, .. } = self.first;
        let (line, step, record) = (line as i64, self.step.unwrap_or(0) as i64, record as i64);
        // Nothing reads the name of the file.
        connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_origins VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, ?8)")?
            .execute(params![collection, self.first_row, self.last_row, mode(self.op), file, line, step, record])?;
        Ok(())
    }
}

/// Ends a load: builds the unique index, and if keys repeat, lets the mode of each row decide first; counts the rows that
/// are gone. `load` is what this run knows of it; of an interrupted one it knows nothing. Rows that are errors wait for
/// `duplicates::report`.
pub fn finish(connection: &Connection, entry: &mut Entry, load: Option<&Load>) -> rusqlite::Result<Counts> {
    schema::prepare_temporary(connection)?;
    let mut deleted = match load.and_then(|load| load.repeats.as_ref()) {
        Some(hashes) if !hashes.is_empty() => duplicates::resolve(connection, &entry.name, Some(hashes))?,
        _ => Counts::default(),
    };
    let (name, table) = (quoted(&key_index(&entry.name)), quoted(&entry.name));
    let index = format!("CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} (_key)");
    match connection.execute_batch(&index) {
        Err(error) if super::is_unique_violation(&error) => {
            deleted += duplicates::resolve(connection, &entry.name, None)?;
            connection.execute_batch(&index)?;
        }
        other => other?,
    }
    let has_held = load.is_none_or(|load| load.has_held);
    if has_held || deleted.total() > 0 {
        gaps::close(connection, entry, has_held)?;
    }
    connection.execute("DELETE FROM bulkimport_origins WHERE collection = ?1", [&entry.name])?;
    entry.loading = false;
    schema::save(connection, entry)?;
    Ok(deleted)
}
