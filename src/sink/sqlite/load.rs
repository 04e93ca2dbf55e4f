//! Loading without an index: rows are appended as they arrive, and the unique index is built at the end.
//!
//! Duplicates are then found late, when their batches are gone. So the origins of the rows are kept in the store until the
//! index is built, as runs of rows whose lines grow by the same step: one run for a clean file. With them, the next import
//! into the store finishes an interrupted load.

use super::database::{INDEX_CACHE, size_cache};
use super::schema::{self, Entry, key_index, quoted};
use super::{duplicates, gaps, value};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::key_filter;
use crate::record::{Origin, Reason};
use crate::sink::{Bucket, Counts};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::HashSet;

/// A load in progress.
#[derive(Debug)]
pub struct Load {
    run: Option<RowRun>,
    /// Hashes of possible duplicate keys; `None` if they are not known, or too many.
    repeats: Option<HashSet<u64>>,
    /// Whether rows are held, without a sequence number; see `gaps`.
    has_held: bool,
    /// Whether the raw text of records is wanted that turn out to be duplicates.
    keeps_raw: bool,
    /// How many rows were appended, and how many of them perhaps repeat a key of the run.
    rows: u64,
    repeated: u64,
}

/// Rows of a load before it is decided whether it pays.
const TRIAL: u64 = 20_000;

/// A load ends early where more percent of its rows repeat a key. Measured, the processor time of an update by applying beside
/// that of resolving at the end: of 400,000 documents, 1, 10, 50, 99 % repeating a random earlier key, 1.9, 1.2, 0.55, 0.36; of
/// 1,000,000, 20, 35 %, 1.5, 1.0.
const MANY_REPEATS: u64 = 40;

/// Up to so many rows, keys of usual length fit into `INDEX_CACHE`, and the index build sorts them without temporary files.
const SORTED_AT_ONCE: u64 = 200_000;

/// Above so many distinct keys the filter takes too many new ones for known.
const MAX_CERTAIN: u64 = 4_000_000;

/// Maximum number of hashes that are kept, about 12 MiB; with more, keys are sorted to find duplicates.
const MAX_REPEATS: usize = 500_000;

/// Consecutive rows whose lines grow by the same step.
#[derive(Debug)]
struct RowRun {
    first_row: i64,
    last_row: i64,
    op: Op,
    first: Origin,
    last: Origin,
    /// Lines from one row to the next; `None` for a single row.
    step: Option<u64>,
}

/// Whether an action can be loaded whatever its key, so that an existing one is resolved later. Resolving treats every update
/// as one that creates no version if it changes nothing.
pub fn can_load(action: &BatchAction<'_>) -> bool {
    match action.op {
        _ if action.is_line => false,
        Op::Create | Op::CreateOrIgnore | Op::Index => true,
        Op::Upsert => action.detect_noop,
        Op::Update | Op::Delete => false,
    }
}

/// Whether the input is so large beside a collection that building the index anew costs less than keeping it
/// (measured: a second million documents with the index in place took 3.3 times the first, rebuilt 1.6 times).
pub fn pays(connection: &Connection, input: Option<u64>, name: &str) -> rusqlite::Result<bool> {
    let Some(input) = input else { return Ok(false) };
    let table = quoted(name);
    let bytes: f64 = value(
        connection,
        &format!(
            "SELECT (SELECT max(rowid) - min(rowid) + 1 FROM {table}) *
                    (SELECT avg(length(CAST(doc AS BLOB))) FROM (SELECT doc FROM {table} LIMIT 1000))"
        ),
        [],
    )?;
    Ok(input as f64 > bytes * 0.5)
}

/// The name of an operation in the table of origins.
fn mode(op: Op) -> &'static str {
    match op {
        Op::Create => "error",
        Op::CreateOrIgnore => "ignore",
        Op::Index => "replace",
        _ => "update",
    }
}

impl Load {
    /// Begins a load: drops the unique index, if there is one. The hashes of existing rows are not known.
    pub fn begin(
        connection: &Connection,
        entry: &mut Entry,
        is_empty: bool,
        keeps_raw: bool,
    ) -> rusqlite::Result<Load> {
        if keeps_raw {
            schema::prepare_temporary(connection)?;
        }
        connection.execute_batch(&format!("DROP INDEX IF EXISTS {}", quoted(&key_index(&entry.name))))?;
        entry.loading = true;
        let repeats = is_empty.then(HashSet::new);
        Ok(Load { run: None, repeats, has_held: false, keeps_raw, rows: 0, repeated: 0 })
    }

    /// Goes on with a load that was interrupted. The hashes of its rows are not known.
    pub fn resume() -> Load {
        Load { run: None, repeats: None, has_held: true, keeps_raw: false, rows: 0, repeated: 0 }
    }

    /// Whether a key is certainly new: no earlier action of the run has it, and the collection was empty before.
    pub fn is_new(&self, repeats: bool) -> bool {
        self.repeats.is_some() && !repeats
    }

    /// Whether so many keys repeat that building the index now and applying costs less than resolving all repeats at the end.
    pub fn has_many_repeats(&self) -> bool {
        let Load { rows, repeated, .. } = *self;
        rows >= TRIAL && rows - repeated <= MAX_CERTAIN && repeated * 100 > rows * MANY_REPEATS
    }

    /// Saves the origins of the rows so far; called before every commit.
    pub fn save(&self, connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
        self.run.as_ref().map_or(Ok(()), |run| run.save(connection, &entry.name))
    }
}

/// A load with its prepared statement, for several rows.
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
        let sql = format!("INSERT INTO {table} (_key, _version, _seq_no, doc) VALUES (?1, ?2, ?3, ?4)");
        Ok(Loader { connection, entry, load, insert: connection.prepare_cached(&sql)? })
    }

    /// The load itself.
    pub fn load(&self) -> &Load {
        self.load
    }

    /// Keeps the raw text of the record of the last row, which is not its document.
    pub fn keep_raw(&self, raw: &[u8]) -> rusqlite::Result<()> {
        let row = self.connection.last_insert_rowid();
        let insert = "INSERT OR REPLACE INTO temp.bulkimport_raw VALUES (?1, ?2, ?3)";
        self.connection.prepare_cached(insert)?.execute(params![self.entry.name, row, raw]).map(drop)
    }

    /// Appends a row of this version. `repeats`: whether its key may be a duplicate of an earlier one in the run.
    pub fn append(
        &mut self,
        action: &BatchAction<'_>,
        version: i64,
        origin: Origin,
        repeats: bool,
    ) -> rusqlite::Result<Result<Bucket, Reason>> {
        let Loader { connection, entry, load, insert } = self;
        let BatchAction { op, key, doc, .. } = *action;
        // If the key exists these change nothing, so it is guessed that they need no number.
        let is_held = repeats && load.repeats.is_some() && matches!(op, Op::Create | Op::CreateOrIgnore);
        let seq = if is_held { gaps::held(entry.next_seq) } else { entry.next_seq };
        match insert.execute((key, version, seq, doc)) {
            Ok(1) => {}
            Ok(_) => return Ok(Err(super::not_stored(key))),
            Err(error) => return super::refused_document(error).map(Err),
        }
        load.has_held |= is_held;
        load.rows += 1;
        load.repeated += u64::from(repeats);
        entry.next_seq += i64::from(!is_held);
        if let (true, Some(hashes)) = (repeats, &mut load.repeats) {
            hashes.insert(key_filter::hash(key));
            if hashes.len() > MAX_REPEATS {
                load.repeats = None;
            }
        }
        let row = connection.last_insert_rowid();
        if load.run.as_mut().is_none_or(|run| !run.extend(row, op, origin)) {
            load.save(connection, entry)?;
            load.run = Some(RowRun { first_row: row, last_row: row, op, first: origin, last: origin, step: None });
        }
        Ok(Ok(Bucket::Created))
    }
}

impl RowRun {
    /// Adds a row if it continues the run; returns whether it does.
    fn extend(&mut self, row: i64, op: Op, origin: Origin) -> bool {
        let step = origin.line.wrapping_sub(self.last.line);
        // Between two commits another program may have inserted rows.
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
        // The file name is no longer used.
        connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_origins VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, ?8)")?
            .execute(params![collection, self.first_row, self.last_row, mode(self.op), file, line, step, record])?;
        Ok(())
    }
}

/// Ends a load: resolves duplicate keys and builds the unique index; counts the deleted rows. `load` is `None` for an
/// interrupted load of an earlier run. Rows that are errors are kept for `duplicates::report`.
pub fn finish(connection: &Connection, entry: &mut Entry, load: Option<&Load>) -> rusqlite::Result<Counts> {
    schema::prepare_temporary(connection)?;
    let keeps_raw = load.is_some_and(|load| load.keeps_raw);
    let mut deleted = match load.and_then(|load| load.repeats.as_ref()) {
        Some(hashes) if !hashes.is_empty() => duplicates::resolve(connection, &entry.name, Some(hashes), keeps_raw)?,
        _ => Counts::default(),
    };
    let (name, table) = (quoted(&key_index(&entry.name)), quoted(&entry.name));
    let index = format!("CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} (_key)");
    if load.is_some_and(|load| load.rows <= SORTED_AT_ONCE) {
        size_cache(connection, INDEX_CACHE)?;
    }
    match connection.execute_batch(&index) {
        Err(error) if super::is_unique_violation(&error) => {
            deleted += duplicates::resolve(connection, &entry.name, None, keeps_raw)?;
            connection.execute_batch(&index)?;
        }
        other => other?,
    }
    let has_held = load.is_none_or(|load| load.has_held);
    if has_held || deleted.total() > 0 {
        gaps::close(connection, entry, has_held)?;
    }
    if keeps_raw {
        connection.execute("DELETE FROM temp.bulkimport_raw WHERE collection = ?1", [&entry.name])?;
    }
    connection.execute("DELETE FROM bulkimport_origins WHERE collection = ?1", [&entry.name])?;
    entry.loading = false;
    schema::save(connection, entry)?;
    Ok(deleted)
}
