//! The embedded store: one SQLite file, with one table per collection.
//! A regular file is imported in one transaction, a pipe in several, so that it is not lost as a whole if the process dies.
//! Nothing counts as stored before its transaction is committed.

mod apply;
mod bulk;
mod collection;
mod database;
mod duplicates;
mod gaps;
mod held;
mod item;
mod load;
mod located;
mod lock;
mod progress;
mod rules;
mod schema;
mod sorted;
mod store;
mod target;
mod traits;
mod unique;

use store::Store;
pub use target::{Sqlite, other_name};

use crate::json::{MergeError, Merger};
use crate::record::Reason;
use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, Params, ffi};
use std::path::Path;

/// The error of an action whose key exists.
fn duplicate(key: &str) -> Reason {
    Reason::new("duplicate_key", format!("duplicate key {key:?}"))
}

/// The error of an action that the database accepted and did not carry out.
fn not_stored(key: &str) -> Reason {
    Reason::new("not_stored", format!("{key:?}: a trigger in the store prevented or undid it"))
}

/// The error of an update that cannot be merged into the stored document.
fn unmergeable(key: &str, error: &str) -> Reason {
    Reason::new("cannot_merge", format!("{key:?}: {error}"))
}

/// A document merged into an older one.
fn merged(merger: &mut Merger, old: &str, new: &str) -> Result<String, MergeError> {
    let mut merged = String::with_capacity(old.len() + new.len());
    merger.merge(old, new, &mut merged)?;
    Ok(merged)
}

/// The one value that a query returns.
fn value<T: FromSql>(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<T> {
    connection.query_row(sql, params, |row| row.get(0))
}

/// The kind of errors from a unique index other than the one on the keys.
const UNIQUE: &str = "unique_constraint";

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_extended_error_code() == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The reason if the store rejects a document; otherwise the error, because the store itself failed.
fn refused_document(error: rusqlite::Error) -> rusqlite::Result<Reason> {
    let text = error.to_string();
    if is_unique_violation(&error) {
        let same = |field| format!("another document has the same \"{field}\"");
        return Ok(Reason::new(UNIQUE, unique::field_of(&text).map_or(text, same)));
    }
    // An index on a field parses the document, and SQLite reads at most 1000 levels.
    if error.sqlite_error().is_some() && text.contains("malformed JSON") {
        return Ok(Reason::new(
            "unreadable_document",
            "SQLite cannot read this document: it is nested deeper than 1000 levels, and the collection has an index or a column on a part of it",
        ));
    }
    Err(error)
}

/// The message of an error of SQLite.
fn error_text(store: &Path, error: &rusqlite::Error) -> String {
    let moved = error.sqlite_extended_error_code() == Some(ffi::SQLITE_READONLY_DBMOVED);
    let text = match error.sqlite_error_code() {
        _ if moved || matches!(error, rusqlite::Error::InvalidPath(_)) => "was removed or replaced during the import",
        _ if matches!(error, rusqlite::Error::StatementChangedRows(_)) => {
            "a trigger in the store did not let a document be deleted"
        }
        Some(ErrorCode::NotADatabase) => "not a SQLite database",
        Some(ErrorCode::DiskFull) => "no space left for the store or for SQLite's temporary files",
        Some(ErrorCode::ReadOnly) => "not writable",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "locked by another program",
        Some(ErrorCode::CannotOpen) => "cannot be opened",
        Some(ErrorCode::DatabaseCorrupt) => &format!("the database is damaged ({error})"),
        // The limit on the size of files is an error that SQLite does not distinguish from a broken disk.
        Some(ErrorCode::SystemIoFailure) if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_WRITE) => {
            &format!("cannot be written, a limit on the size of files may be reached (ulimit -f): {error}")
        }
        Some(ErrorCode::SystemIoFailure) => &format!("cannot be read or written ({error})"),
        _ => match unique::field_of(&error.to_string()).filter(|_| is_unique_violation(error)) {
            Some(field) => &format!("--unique {field}: stored documents have the same value"),
            None if error.to_string().contains("malformed JSON") => {
                "a stored document is nested deeper than 1000 levels, and SQLite cannot read it for an index"
            }
            None => &error.to_string(),
        },
    };
    format!("{}: {text}", store.display())
}
