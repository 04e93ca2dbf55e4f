//! Loading without an index: rows are appended as they come, and the unique index is built when all are there.
//!
//! Duplicates then show up late, when nobody remembers where they came from. So the origin of each row is kept until the
//! index stands, in the store itself, as stretches of rows whose lines grow by the same step: one for a clean file. An
//! interrupted load is finished from them by whoever opens the store next.

use super::schema::{Entry, key_index, quoted};
use crate::action::Op;
use crate::json;
use crate::record::{Origin, Reason};
use crate::sink::Outcome;
use rusqlite::{Connection, OptionalExtension, Statement, params};

/// A load under way.
#[derive(Debug)]
pub struct Load {
    /// Number of the next row.
    next_row: i64,
    stretch: Option<Stretch>,
}

/// Rows whose origins follow each other evenly.
#[derive(Debug)]
struct Stretch {
    first_row: i64,
    op: Op,
    first: Origin,
    last: Origin,
    /// Lines from one row to the next; known from the second row on.
    step: Option<u64>,
}

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
    /// Rows that are no longer there.
    pub fn removed(&self) -> u64 {
        self.updated + self.ignored + self.errors
    }
}

/// The SQL that appends a row.
pub fn append_sql(collection: &str) -> String {
    format!("INSERT INTO {} (_key, _version, _seq_no, doc) VALUES (?1, 1, ?2, ?3)", quoted(collection))
}

/// Whether an action can be loaded: those that store their document whatever was there, or leave it to a later look.
pub fn can_load(op: Op) -> bool {
    matches!(op, Op::Create | Op::CreateOrIgnore | Op::Index | Op::Upsert)
}

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
        Ok(Load { next_row: last + 1, stretch: None })
    }

    /// Appends a row with the statement of `append_sql`.
    pub fn append(
        &mut self,
        connection: &Connection,
        entry: &mut Entry,
        insert: &mut Statement<'_>,
        row: (Op, Origin, &str, &str),
        files: &[String],
    ) -> rusqlite::Result<()> {
        let (op, origin, key, doc) = row;
        insert.execute((key, entry.next_seq, doc))?;
        entry.next_seq += 1;
        let row = self.next_row;
        self.next_row += 1;
        if let Some(stretch) = &mut self.stretch {
            if stretch.takes(op, origin) {
                return Ok(());
            }
            stretch.save(connection, &entry.name, files)?;
        }
        self.stretch = Some(Stretch { first_row: row, op, first: origin, last: origin, step: None });
        Ok(())
    }

    /// Writes down what is known of the rows so far; before every commit.
    pub fn save(&self, connection: &Connection, entry: &Entry, files: &[String]) -> rusqlite::Result<()> {
        match &self.stretch {
            Some(stretch) => stretch.save(connection, &entry.name, files),
            None => Ok(()),
        }
    }
}

impl Stretch {
    /// Takes a further row in, if it continues the stretch.
    fn takes(&mut self, op: Op, origin: Origin) -> bool {
        let step = origin.line.wrapping_sub(self.last.line);
        let continues = op == self.op
            && origin.file == self.first.file
            && origin.record == self.last.record + 1
            && origin.line >= self.last.line
            && self.step.is_none_or(|known| known == step);
        if continues {
            self.step = Some(step);
            self.last = origin;
        }
        continues
    }

    fn save(&self, connection: &Connection, collection: &str, files: &[String]) -> rusqlite::Result<()> {
        let file = files.get(self.first.file as usize).map_or("", String::as_str);
        connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_origins VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                collection,
                self.first_row,
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
/// Rows that have no origin were there before the load. Errors go to `out`.
pub fn finish(connection: &Connection, entry: &mut Entry, out: &mut Outcome) -> rusqlite::Result<Resolved> {
    let index = format!("CREATE UNIQUE INDEX {} ON {} (_key)", quoted(&key_index(&entry.name)), quoted(&entry.name));
    let resolved = match connection.execute_batch(&index) {
        Err(error) if super::is_unique_violation(&error) => {
            let resolved = resolve(connection, &entry.name, out)?;
            connection.execute_batch(&index)?;
            resolved
        }
        other => {
            other?;
            Resolved::default()
        }
    };
    connection.execute("DELETE FROM bulkimport_origins WHERE collection = ?1", [&entry.name])?;
    entry.loading = false;
    super::schema::save(connection, entry)?;
    Ok(resolved)
}

/// Finds the rows whose key repeats and settles each group in the order of its rows.
fn resolve(connection: &Connection, collection: &str, out: &mut Outcome) -> rusqlite::Result<Resolved> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS duplicates (_key TEXT, row INTEGER); DELETE FROM temp.duplicates",
    )?;
    collect(connection, collection)?;
    let table = quoted(collection);
    let mut rows = connection.prepare("SELECT _key, row FROM temp.duplicates ORDER BY rowid")?;
    let mut rows = rows.query([])?;
    let mut group = Group::new(connection, &table)?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().unwrap_or_default();
        let number: i64 = row.get(1)?;
        if key != group.key {
            group.write()?;
            group.begin(key, number)?;
            continue;
        }
        let origin = origin_of(connection, collection, number)?;
        group.settle(number, origin, out)?;
    }
    group.write()?;
    let resolved = group.resolved;
    drop(group);
    connection.execute_batch("DELETE FROM temp.duplicates")?;
    Ok(resolved)
}

/// Puts every row of every group with more than one row into `temp.duplicates`, group by group.
fn collect(connection: &Connection, collection: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO temp.duplicates VALUES (?1, ?2)")?;
    let mut all =
        connection.prepare(&format!("SELECT _key, rowid FROM {} ORDER BY _key, rowid", quoted(collection)))?;
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
            "SELECT mode, file_number, line + (?2 - first_row) * step, record + (?2 - first_row) FROM bulkimport_origins
             WHERE collection = ?1 AND first_row <= ?2 ORDER BY first_row DESC LIMIT 1",
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
    key: String,
    first: i64,
    version: i64,
    seq: i64,
    doc: String,
    changed: bool,
    resolved: Resolved,
}

impl<'c> Group<'c> {
    fn new(connection: &'c Connection, table: &str) -> rusqlite::Result<Group<'c>> {
        Ok(Group {
            read: connection.prepare(&format!("SELECT _version, _seq_no, doc FROM {table} WHERE rowid = ?1"))?,
            rewrite: connection
                .prepare(&format!("UPDATE {table} SET _version = ?2, _seq_no = ?3, doc = ?4 WHERE rowid = ?1"))?,
            remove: connection.prepare(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
            key: String::new(),
            first: 0,
            version: 0,
            seq: 0,
            doc: String::new(),
            changed: false,
            resolved: Resolved::default(),
        })
    }

    fn begin(&mut self, key: &str, row: i64) -> rusqlite::Result<()> {
        self.key.clear();
        self.key.push_str(key);
        self.first = row;
        self.changed = false;
        let (version, seq, doc) = self.read.query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        (self.version, self.seq, self.doc) = (version, seq, doc);
        Ok(())
    }

    /// Lets the mode of a later row of the group decide, and removes the row.
    fn settle(&mut self, row: i64, origin: Option<(String, Origin)>, out: &mut Outcome) -> rusqlite::Result<()> {
        let (mode, origin) = origin.unwrap_or_else(|| ("error".to_owned(), Origin::default()));
        match mode.as_str() {
            "replace" | "update" => {
                let (seq, doc): (i64, String) = self.read.query_row([row], |row| Ok((row.get(1)?, row.get(2)?)))?;
                match changed(&mode, &self.doc, doc) {
                    Ok(doc) => {
                        self.doc = doc;
                        self.version += 1;
                        self.seq = seq;
                        self.changed = true;
                        self.resolved.updated += 1;
                    }
                    Err(reason) => {
                        self.resolved.errors += 1;
                        out.fail(origin, reason);
                    }
                }
            }
            "ignore" => self.resolved.ignored += 1,
            _ => {
                self.resolved.errors += 1;
                out.fail(origin, super::duplicate(&self.key));
            }
        }
        self.remove.execute([row])?;
        Ok(())
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.changed) {
            self.rewrite.execute(params![self.first, self.version, self.seq, self.doc])?;
        }
        Ok(())
    }
}

fn changed(mode: &str, old: &str, new: String) -> Result<String, Reason> {
    if mode == "replace" {
        return Ok(new);
    }
    let mut merged = String::with_capacity(old.len() + new.len());
    json::merge(old, &new, &mut merged).map_err(|error| Reason::new("cannot_merge", error.to_string()))?;
    Ok(merged)
}
