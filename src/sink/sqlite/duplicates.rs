//! Resolves rows with duplicate keys after a load: finds them, applies the mode of each row, and leaves one row per key.

use super::gaps;
use super::schema::quoted;
use super::{duplicate, merged, unmergeable};
use crate::json::Merger;
use crate::key_filter;
use crate::record::Origin;
use crate::sink::{Bucket, Counts, Ledger};
use rusqlite::{Connection, Row, Statement, params};
use std::collections::HashSet;

/// Finds the rows with duplicate keys and resolves each group in the order of its rows; counts the deleted rows. `hashes`, if
/// known, has the hashes of all duplicate keys, and possibly others. `keeps_raw`: the raw text of errors is wanted.
pub fn resolve(
    connection: &Connection,
    collection: &str,
    hashes: Option<&HashSet<u64>>,
    keeps_raw: bool,
) -> rusqlite::Result<Counts> {
    let table = quoted(collection);
    connection.execute_batch("DELETE FROM temp.bulkimport_candidates; DELETE FROM temp.bulkimport_duplicates")?;
    match hashes {
        Some(hashes) => collect_candidates(connection, &table, hashes)?,
        None => connection.execute_batch(&format!(
            "INSERT INTO temp.bulkimport_candidates SELECT _key, rowid FROM {table}
             WHERE _key IN (SELECT _key FROM {table} GROUP BY _key HAVING count(*) > 1)"
        ))?,
    }
    // Sorts keys only, without the documents.
    connection.execute_batch(
        "INSERT INTO temp.bulkimport_duplicates SELECT _key, row FROM temp.bulkimport_candidates ORDER BY _key, row",
    )?;
    let mut select = connection.prepare(&format!(
        "SELECT duplicate._key, duplicate.row, stored._seq_no, stored.doc, origin.mode, origin.file_number,
           origin.line + (duplicate.row - first_row) * step, origin.record + (duplicate.row - first_row)
         FROM temp.bulkimport_duplicates AS duplicate
         CROSS JOIN {table} AS stored ON stored.rowid = duplicate.row
         LEFT JOIN bulkimport_origins AS origin ON collection = ?1 AND last_row >= duplicate.row AND first_row =
           (SELECT max(first_row) FROM bulkimport_origins WHERE collection = ?1 AND first_row <= duplicate.row)
         ORDER BY duplicate.rowid"
    ))?;
    let mut rows = select.query([collection])?;
    let mut resolver = Resolver::new(connection, collection, keeps_raw)?;
    let mut first: Option<LoadedRow> = None;
    while let Some(row) = rows.next()? {
        let row = LoadedRow::read(row)?;
        match &mut first {
            Some(first) if first.key == row.key => resolver.resolve(first, row)?,
            _ => resolver.rewrite(first.replace(row))?,
        }
    }
    resolver.rewrite(first)?;
    Ok(resolver.deleted)
}

/// Collects the rows whose key has one of the hashes, in one pass over the table and without sorting.
fn collect_candidates(connection: &Connection, table: &str, hashes: &HashSet<u64>) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO temp.bulkimport_candidates VALUES (?1, ?2)")?;
    let mut all = connection.prepare(&format!("SELECT _key, rowid FROM {table}"))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().unwrap_or_default();
        if hashes.contains(&key_filter::hash(key)) {
            insert.execute((key, row.get::<_, i64>(1)?))?;
        }
    }
    Ok(())
}

/// Reports the rows that `resolve` found to be errors, in input order.
pub fn report(connection: &Connection, collection: &str, out: &mut Ledger) -> rusqlite::Result<()> {
    let select = "SELECT _key, cause, file, line, record, raw FROM temp.bulkimport_failures ORDER BY row";
    let mut failures = connection.prepare(select)?;
    let mut rows = failures.query([])?;
    while let Some(row) = rows.next()? {
        let (key, cause): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        let reason = cause.map_or_else(|| duplicate(&key), |cause| unmergeable(&key, &cause));
        let raw: Option<Vec<u8>> = row.get(5)?;
        out.fail_created(collection, origin(row, 2)?, &key, reason, &raw.unwrap_or_default());
    }
    Ok(())
}

/// Reads an origin from three columns.
fn origin(row: &Row<'_>, column: usize) -> rusqlite::Result<Origin> {
    let (line, record): (i64, i64) = (row.get(column + 1)?, row.get(column + 2)?);
    Ok(Origin { file: row.get(column)?, line: line as u64, record: record as u64, offset: 0 })
}

/// A row with a duplicate key.
struct LoadedRow {
    key: String,
    row: i64,
    /// Its sequence number, or a negative placeholder; see `gaps`.
    seq: i64,
    doc: String,
    /// Its mode and origin. `None` if it existed before the load, or another program inserted it.
    source: Option<(String, Origin)>,
    /// How many later rows have changed it.
    changes: i64,
}

impl LoadedRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<LoadedRow> {
        let mode: Option<String> = row.get(4)?;
        let source = mode.map(|mode| Ok::<_, rusqlite::Error>((mode, origin(row, 5)?))).transpose()?;
        Ok(LoadedRow { key: row.get(0)?, row: row.get(1)?, seq: row.get(2)?, doc: row.get(3)?, source, changes: 0 })
    }
}

/// Merges rows with the same key into one.
struct Resolver<'c> {
    rewrite: Statement<'c>,
    remove: Statement<'c>,
    fail: Statement<'c>,
    collection: String,
    keeps_raw: bool,
    /// Records a row whose sequence number was guessed wrong.
    correct: Statement<'c>,
    merger: Merger,
    /// Deleted rows, by the bucket that they count as.
    deleted: Counts,
}

impl<'c> Resolver<'c> {
    fn new(connection: &'c Connection, collection: &str, keeps_raw: bool) -> rusqlite::Result<Resolver<'c>> {
        let table = quoted(collection);
        Ok(Resolver {
            rewrite: connection.prepare(&format!(
                "UPDATE {table} SET _version = _version + ?2, _seq_no = ?3, doc = ?4 WHERE rowid = ?1"
            ))?,
            remove: connection.prepare(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
            fail: connection.prepare(
                "INSERT INTO temp.bulkimport_failures VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?7 THEN coalesce(
                   (SELECT raw FROM temp.bulkimport_raw WHERE collection = ?8 AND row = ?1), CAST(?9 AS BLOB)) END)",
            )?,
            collection: collection.to_owned(),
            keeps_raw,
            correct: connection.prepare("INSERT INTO temp.bulkimport_corrections VALUES (?1, ?2, ?3)")?,
            merger: Merger::default(),
            deleted: Counts::default(),
        })
    }

    /// Applies a later row to the first one by its mode, and deletes the later row.
    fn resolve(&mut self, first: &mut LoadedRow, mut row: LoadedRow) -> rusqlite::Result<()> {
        self.remove.execute([row.row])?;
        // Another program inserted it during the load: it is no record of this run, and the first row of a key stays.
        let Some((mode, origin)) = row.source.take() else { return Ok(()) };
        let (bucket, doc, cause) = match mode.as_str() {
            "replace" => (Bucket::Updated, Some(std::mem::take(&mut row.doc)), None),
            "ignore" => (Bucket::Ignored, None, None),
            "update" => match merged(&mut self.merger, &first.doc, &row.doc) {
                // An update that changes nothing creates no new version.
                Ok(doc) => (Bucket::Updated, Some(doc).filter(|_| self.merger.has_changed()), None),
                Err(error) => (Bucket::Error, None, Some(error.to_string())),
            },
            _ => (Bucket::Error, None, None),
        };
        self.deleted[bucket] += 1;
        if bucket == Bucket::Error {
            // Stored in the database, because their number is not bounded.
            let Origin { file, line, record, .. } = origin;
            let (line, record, name) = (line as i64, record as i64, &self.collection);
            let keeps_raw = self.keeps_raw;
            self.fail.execute(params![row.row, row.key, cause, file, line, record, keeps_raw, name, row.doc])?;
        }
        if let Some(doc) = doc {
            if first.seq < 0 {
                self.correct.execute((gaps::held(first.seq), first.row, 1))?;
            }
            (first.seq, first.doc) = (row.seq, doc);
            first.changes += 1;
        } else if row.seq >= 0 {
            self.correct.execute((row.seq, row.row, -1))?;
        }
        Ok(())
    }

    fn rewrite(&mut self, first: Option<LoadedRow>) -> rusqlite::Result<()> {
        if let Some(first) = first.filter(|first| first.changes > 0) {
            self.rewrite.execute((first.row, first.changes, first.seq, first.doc))?;
        }
        Ok(())
    }
}
