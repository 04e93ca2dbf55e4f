//! Loading without an index: rows are appended as they come, and the unique index is built when all are there.
//!
//! Duplicates then show up late, when nobody remembers where they came from. So the origin of each row is kept until the
//! index stands, in the store itself, as stretches of rows whose lines grow by the same step: one for a clean file. An
//! interrupted load is finished from them by whoever opens the store next.

use super::duplicates::{self, Resolved};
use super::gaps;
use super::schema::{Entry, key_index, quoted};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::record::{Origin, Reason};
use crate::seen;
use rusqlite::{Connection, Statement, params};
use std::collections::HashSet;

/// A load under way.
#[derive(Debug)]
pub struct Load {
    run: Option<Run>,
    /// Hashes of the keys that perhaps repeat; `None` when that is not known, or they are too many to remember.
    repeats: Option<HashSet<u64>>,
    /// Whether rows have no sequence number yet; see `gaps`.
    has_held: bool,
}

/// How many hashes of repeated keys are remembered, some 12 MiB; a file with more is sorted to find them.
const REPEATS: usize = 500_000;

/// A row to append.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'a> {
    /// What its action was.
    pub op: Op,
    /// Where it comes from.
    pub origin: Origin,
    /// Its key.
    pub key: &'a str,
    /// Its document.
    pub doc: &'a str,
    /// Whether its key perhaps repeats an earlier one of the run.
    pub repeats: bool,
}

/// Rows whose origins follow each other evenly.
#[derive(Debug)]
struct Run {
    first_row: i64,
    last_row: i64,
    op: Op,
    first: Origin,
    last: Origin,
    /// Lines from one row to the next; known from the second row on.
    step: Option<u64>,
}

/// The SQL that appends a row.
pub fn append_sql(collection: &str) -> String {
    format!("INSERT INTO {} (_key, _version, _seq_no, doc) VALUES (?1, 1, ?2, ?3)", quoted(collection))
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
    /// Begins a load: drops the unique index, if there is one.
    pub fn begin(connection: &Connection, entry: &mut Entry) -> rusqlite::Result<Load> {
        connection.execute_batch(&format!("DROP INDEX IF EXISTS {}", quoted(&key_index(&entry.name))))?;
        entry.loading = true;
        let last: i64 = connection.query_row(
            &format!("SELECT coalesce(max(rowid), 0) FROM {}", quoted(&entry.name)),
            [],
            |row| row.get(0),
        )?;
        // Of rows that were there before, nobody knows the hashes.
        Ok(Load { run: None, repeats: (last == 0).then(HashSet::new), has_held: false })
    }

    /// Appends a row with the statement of `append_sql`.
    pub fn append(
        &mut self,
        connection: &Connection,
        entry: &mut Entry,
        insert: &mut Statement<'_>,
        new: NewRow<'_>,
        files: &[String],
    ) -> rusqlite::Result<Result<(), Reason>> {
        let NewRow { op, origin, key, doc, repeats } = new;
        // One of these whose key is there changes nothing, so it is taken for a duplicate without a number.
        let is_held = repeats && self.repeats.is_some() && matches!(op, Op::Create | Op::CreateOrIgnore);
        let seq = if is_held { gaps::held(entry.next_seq) } else { entry.next_seq };
        if let Err(error) = insert.execute((key, seq, doc)) {
            return super::refused_document(error).map(Err);
        }
        self.has_held |= is_held;
        entry.next_seq += i64::from(!is_held);
        let row = connection.last_insert_rowid();
        if let (true, Some(hashes)) = (repeats, &mut self.repeats) {
            hashes.insert(seen::hash(key));
            if hashes.len() > REPEATS {
                self.repeats = None;
            }
        }
        if let Some(run) = &mut self.run {
            if run.takes(row, op, origin) {
                return Ok(Ok(()));
            }
            run.save(connection, &entry.name, files)?;
        }
        self.run = Some(Run { first_row: row, last_row: row, op, first: origin, last: origin, step: None });
        Ok(Ok(()))
    }

    /// Writes down what is known of the rows so far; before every commit.
    pub fn save(&self, connection: &Connection, entry: &Entry, files: &[String]) -> rusqlite::Result<()> {
        match &self.run {
            Some(run) => run.save(connection, &entry.name, files),
            None => Ok(()),
        }
    }
}

impl Run {
    /// Takes a further row in, if it continues the run.
    fn takes(&mut self, row: i64, op: Op, origin: Origin) -> bool {
        let step = origin.line.wrapping_sub(self.last.line);
        // Between two commits another program may have put rows of its own there.
        let continues = row == self.last_row + 1
            && op == self.op
            && origin.file == self.first.file
            && origin.record == self.last.record + 1
            && origin.line >= self.last.line
            && self.step.is_none_or(|known| known == step);
        if continues {
            self.step = Some(step);
            self.last = origin;
            self.last_row = row;
        }
        continues
    }

    fn save(&self, connection: &Connection, collection: &str, files: &[String]) -> rusqlite::Result<()> {
        let file = files.get(self.first.file as usize).map_or("", String::as_str);
        connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_origins VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                collection,
                self.first_row,
                self.last_row,
                mode(self.op),
                file,
                self.first.file,
                self.first.line as i64,
                self.step.unwrap_or(0) as i64,
                self.first.record as i64
            ])?;
        Ok(())
    }
}

/// Ends a load: builds the unique index, and if keys repeat, lets the mode of each row decide first.
/// `load` is what this run knows of it; of an interrupted one it knows nothing. Rows that are errors wait for
/// `duplicates::drain`.
pub fn finish(connection: &Connection, entry: &mut Entry, load: Option<&Load>) -> rusqlite::Result<Resolved> {
    let has_held = load.is_none_or(|load| load.has_held);
    if has_held {
        gaps::note_held(connection, &entry.name)?;
    }
    let index = format!(
        "CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} (_key)",
        quoted(&key_index(&entry.name)),
        quoted(&entry.name)
    );
    let mut resolved = match load.and_then(|load| load.repeats.as_ref()) {
        Some(hashes) if !hashes.is_empty() => duplicates::resolve(connection, &entry.name, Some(hashes))?,
        _ => Resolved::default(),
    };
    match connection.execute_batch(&index) {
        Err(error) if super::is_unique_violation(&error) => {
            resolved.add(duplicates::resolve(connection, &entry.name, None)?);
            connection.execute_batch(&index)?;
        }
        other => other?,
    }
    if has_held || resolved.removed() > 0 {
        gaps::close(connection, entry)?;
    }
    connection.execute("DELETE FROM bulkimport_origins WHERE collection = ?1", [&entry.name])?;
    entry.loading = false;
    super::schema::save(connection, entry)?;
    Ok(resolved)
}
