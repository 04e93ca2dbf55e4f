//! The embedded store: one SQLite file, one table a collection.
//! A regular file is imported in one transaction; what comes from a pipe in several, so that it is not all lost with the
//! process. Nothing counts as stored before its transaction is committed.

mod apply;
mod collection;
mod database;
mod duplicates;
mod gaps;
mod load;
mod lock;
mod rules;
mod schema;
mod store;
mod target;
mod unique;

use store::Store;
pub use target::{Sqlite, other_name};

use crate::json::{MergeError, Merger};
use crate::record::Reason;
use rusqlite::types::FromSql;
use rusqlite::{Connection, Params, ffi};

/// The reason of an action whose key exists.
fn duplicate(key: &str) -> Reason {
    Reason::new("duplicate_key", format!("duplicate key {key:?}"))
}

/// The reason of an update that cannot be merged into what is there.
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

/// The kind of the errors of documents that another unique index than that on the keys refuses.
const UNIQUE: &str = "unique_constraint";

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(cause, _) if cause.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// Tells a document that the store refuses from a store that fails.
fn refused_document(error: rusqlite::Error) -> rusqlite::Result<Reason> {
    if is_unique_violation(&error) {
        let text = error.to_string();
        return Ok(Reason::new(
            UNIQUE,
            match unique::field_of(&text) {
                Some(field) => format!("another document has the same `{field}`"),
                None => text,
            },
        ));
    }
    match &error {
        // An index on a field has to read the document, and SQLite reads at most 1000 levels.
        rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("malformed JSON") => Ok(Reason::new(
            "unreadable_document",
            "SQLite cannot read this document: it is nested deeper than 1000 levels, and the collection has an index or a column on a part of it",
        )),
        _ => Err(error),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(cause, _)
        if matches!(cause.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}

/// Says in a person's words why SQLite failed.
fn explained(store: &std::path::Path, error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    let store = store.display();
    let moved = matches!(error, rusqlite::Error::SqliteFailure(cause, _) if cause.extended_code == ffi::SQLITE_READONLY_DBMOVED);
    if moved || matches!(error, rusqlite::Error::InvalidPath(_)) {
        return format!("{store}: was removed or replaced during the import");
    }
    if let (true, Some(field)) = (is_unique_violation(error), unique::field_of(&error.to_string())) {
        return format!("{store}: --unique {field}: documents that are there already have the same value");
    }
    let rusqlite::Error::SqliteFailure(cause, _) = error else { return format!("{store}: {error}") };
    match cause.code {
        ErrorCode::NotADatabase => format!("{store}: not a SQLite database"),
        ErrorCode::DiskFull => format!("{store}: no space left for the store or for SQLite's temporary files"),
        ErrorCode::ReadOnly => format!("{store}: may not be written"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => format!("{store}: locked by another program"),
        ErrorCode::CannotOpen => format!("{store}: cannot be opened"),
        ErrorCode::DatabaseCorrupt => format!("{store}: the database is damaged ({error})"),
        ErrorCode::SystemIoFailure => format!("{store}: cannot be read or written ({error})"),
        _ => format!("{store}: {error}"),
    }
}
