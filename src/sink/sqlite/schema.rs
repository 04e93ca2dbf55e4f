//! The store's tables, and how a collection is found or made among them.
//! Everything of ours is named `bulkimport_…`; a collection is a table under its own name, so any SQLite tool reads it.

use super::value;
use crate::record::Reason;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Version of the layout. A store of a newer one is refused.
pub const FORMAT: i64 = 1;

/// A collection as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as it was made.
    pub name: String,
    /// Whether it holds edges.
    pub edge: bool,
    /// Whether an import is under way or was interrupted: its unique index is missing.
    pub loading: bool,
    /// The next sequence number.
    pub next_seq: i64,
}

impl Entry {
    fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
        let (kind, state): (String, String) = (row.get(1)?, row.get(2)?);
        Ok(Entry { name: row.get(0)?, edge: kind == "edge", loading: state == "loading", next_seq: row.get(3)? })
    }
}

/// What stands in the way of a name.
#[derive(Debug)]
pub enum Refusal {
    /// The database said no.
    Sqlite(rusqlite::Error),
    /// The name cannot be used.
    Name(Reason),
    /// There is no such collection, and the action does not make one.
    Missing(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::Sqlite(error)
    }
}

impl Refusal {
    /// A collection that is not empty after all its rows were deleted.
    pub(super) fn kept(name: &str) -> Refusal {
        Refusal::name(format!("collection {name:?}: a trigger in the store did not let documents be deleted"))
    }

    fn name(text: String) -> Refusal {
        Refusal::Name(Reason::new("collection_refused", text))
    }
}

/// A name as SQL writes it: in double quotes, doubled inside.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text as SQL writes it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The name of the unique index on a collection's keys.
pub fn key_index(collection: &str) -> String {
    format!("bulkimport_{collection}_key")
}

/// The store's format, `None` if the database has no store yet.
pub fn format(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    if !has_table(connection, "bulkimport_format")? {
        return Ok(None);
    }
    value(connection, "SELECT version FROM bulkimport_format", []).map(Some)
}

/// The tables of the catalogue, and their columns.
const CATALOGUE: [(&str, &str); 4] = [
    ("bulkimport_format", "version"),
    ("bulkimport_collections", "name, kind, state, next_seq"),
    ("bulkimport_origins", "collection, first_row, last_row, mode, file, file_number, line, step, record"),
    ("bulkimport_tombstones", "collection, _key, _version, deleted_at"),
];

/// Why the catalogue cannot be used: it is of a newer version, or something is missing. `None` if it can, or if there is none.
pub fn fault(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)";
    let found = CATALOGUE.map(|(table, _)| value::<bool>(connection, exists, [table]));
    let found = found.into_iter().collect::<rusqlite::Result<Vec<bool>>>()?;
    if !found.contains(&true) {
        return Ok(None);
    }
    for (table, columns) in CATALOGUE {
        // Fails if a table or a column is missing. Nothing else can be wrong with a statement that is only prepared.
        if let Err(error) = connection.prepare(&format!("SELECT {columns} FROM {table}")) {
            return Ok(Some(format!("the store's catalogue is damaged: {error}")));
        }
    }
    let versions = "SELECT count(*), min(CAST(version AS TEXT)) FROM bulkimport_format";
    let (count, version): (i64, Option<String>) =
        connection.query_row(versions, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let version = version.filter(|_| count == 1);
    Ok(match version.as_deref().map(|version| (version, version.parse::<i64>())) {
        Some((_, Ok(FORMAT))) => None,
        Some((_, Ok(newer))) if newer > FORMAT => {
            Some(format!("store format {newer} is not supported (this bulkimport supports {FORMAT}; use a newer one)"))
        }
        Some((version, _)) => Some(format!("store format {version:?} does not exist")),
        None => Some(format!("the store's catalogue is damaged: bulkimport_format has {count} rows")),
    })
}

/// Makes the catalogue in a database that has none.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE bulkimport_format (version INTEGER NOT NULL);
         INSERT INTO bulkimport_format VALUES ({FORMAT});
         CREATE TABLE bulkimport_collections (
           name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, kind TEXT NOT NULL, state TEXT NOT NULL, next_seq INTEGER NOT NULL);
         CREATE TABLE bulkimport_origins (
           collection TEXT NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, mode TEXT NOT NULL, file TEXT NOT NULL, file_number INTEGER NOT NULL,
           line INTEGER NOT NULL, step INTEGER NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (collection, first_row)) WITHOUT ROWID;
         CREATE TABLE bulkimport_tombstones (
           collection TEXT NOT NULL, _key TEXT NOT NULL, _version INTEGER NOT NULL, deleted_at INTEGER NOT NULL,
           PRIMARY KEY (collection, _key)) WITHOUT ROWID;"
    ))
}

/// Makes the temporary tables in which the end of a load notes duplicates and their numbers, or empties them. A temporary
/// table hides one of the same name, so these have names that no collection has.
pub fn prepare_temporary(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS bulkimport_candidates (_key TEXT, row INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_duplicates (_key TEXT, row INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_failures
           (row INTEGER PRIMARY KEY, _key TEXT, cause TEXT, file INTEGER, line INTEGER, record INTEGER,
            raw BLOB);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_raw
           (collection TEXT, row INTEGER, raw BLOB, PRIMARY KEY (collection, row)) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_corrections
           (seq INTEGER, row INTEGER, change INTEGER, PRIMARY KEY (seq, row)) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_moves
           (seq INTEGER, row INTEGER, so_far INTEGER, PRIMARY KEY (seq, row)) WITHOUT ROWID;
         DELETE FROM temp.bulkimport_failures; DELETE FROM temp.bulkimport_corrections; DELETE FROM temp.bulkimport_moves;",
    )
}

/// Finds a collection under exactly this name.
pub fn find(connection: &Connection, name: &str) -> Result<Option<Entry>, Refusal> {
    check_name(name)?;
    if format(connection)?.is_some() {
        let sql = "SELECT name, kind, state, next_seq FROM bulkimport_collections WHERE name = ?1";
        match connection.query_row(sql, [name], Entry::read).optional()? {
            Some(entry) if entry.name == name => return Ok(Some(entry)),
            Some(entry) => return Err(clash(name, "a collection", &entry.name)),
            None => {}
        }
    }
    let sql = "SELECT type, name FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
    let other = connection.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some::<(String, String)>((kind, other)) = other else { return Ok(None) };
    if other != name {
        return Err(clash(name, &format!("the {kind}"), &other));
    }
    Err(Refusal::name(format!("the store has a {kind} {other:?} that is not a collection")))
}

/// The collections whose load was interrupted, unless another program has dropped or renamed their tables.
pub fn interrupted(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let mut select = connection.prepare(
        "SELECT name, kind, state, next_seq FROM bulkimport_collections AS entry WHERE state = 'loading'
         AND EXISTS (SELECT 1 FROM sqlite_schema AS other WHERE type = 'table' AND other.name = entry.name)",
    )?;
    select.query_map([], Entry::read)?.collect()
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    value(connection, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)", [name])
}

fn clash(name: &str, what: &str, other: &str) -> Refusal {
    let why = format!("the store has {what} {other:?}, and SQLite ignores case");
    Refusal::name(format!("collection {name:?}: {why}"))
}

/// Checks what SQLite and this program reserve.
fn check_name(name: &str) -> Result<(), Refusal> {
    let lower = name.to_ascii_lowercase();
    let fault = if name.is_empty() || name.contains('\0') {
        "the name is empty or contains NUL"
    } else if lower.starts_with("sqlite_") || lower.starts_with("bulkimport_") {
        "names that begin with sqlite_ or bulkimport_ are reserved"
    } else {
        return Ok(());
    };
    Err(Refusal::name(format!("collection {name:?}: {fault}")))
}

/// Makes a collection, without its unique index.
pub fn make(connection: &Connection, name: &str, edge: bool) -> rusqlite::Result<Entry> {
    // The ends of an edge are read out of the document, so that they cannot differ from it.
    let ends =
        ", _from TEXT AS (json_extract(doc, '$._from')) VIRTUAL, _to TEXT AS (json_extract(doc, '$._to')) VIRTUAL";
    let (kind, ends) = if edge { ("edge", ends) } else { ("document", "") };
    connection.execute_batch(&format!(
        "CREATE TABLE {} (_key TEXT NOT NULL, _version INTEGER NOT NULL, _seq_no INTEGER NOT NULL, doc TEXT NOT NULL{ends})",
        quoted(name)
    ))?;
    connection.execute("INSERT INTO bulkimport_collections VALUES (?1, ?2, 'loading', 0)", params![name, kind])?;
    Ok(Entry { name: name.to_owned(), edge, loading: true, next_seq: 0 })
}

/// Writes what the catalogue says of a collection.
pub fn save(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let state = if entry.loading { "loading" } else { "ready" };
    let sql = "UPDATE bulkimport_collections SET state = ?2, next_seq = ?3 WHERE name = ?1";
    connection.execute(sql, params![entry.name, state, entry.next_seq])?;
    Ok(())
}
