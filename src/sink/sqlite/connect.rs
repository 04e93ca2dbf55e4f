//! Opens the store's file, with the settings that loads and look-ups want.

use crate::sink::wanted::Wanted;
#[cfg(unix)]
use rusqlite::FileControl;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long SQLite waits for another program's lock, where it cannot hand control back.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// SQLite's cache while the index is in place, in KiB as SQLite writes it: look-ups go to random pages.
const APPLY_CACHE: i32 = -24_576;

/// SQLite's cache during a load. Rows are appended, so it needs few pages; it also bounds what the index build sorts at a
/// time, and what fits the processor's cache sorts faster (measured: 8 MiB took 0.85 of the time of 24 MiB).
const LOAD_CACHE: i32 = -8_192;

/// Sizes SQLite's cache for what is about to be done.
pub(super) fn size_cache(connection: &Connection, loading: bool) -> rusqlite::Result<()> {
    let size = if loading { LOAD_CACHE } else { APPLY_CACHE };
    connection.execute_batch(&format!("PRAGMA cache_size = {size}"))
}

/// Whether the file behind the connection is no longer the one under its name: what is committed to a file that was
/// removed or replaced meanwhile is lost.
#[cfg(unix)]
pub(super) fn has_moved(connection: &Connection) -> rusqlite::Result<bool> {
    let mut moved = 0;
    connection.file_control(None::<&str>, FileControl::HasMoved(&mut moved))?;
    Ok(moved != 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
pub(super) fn has_moved(_: &Connection) -> rusqlite::Result<bool> {
    Ok(false)
}

pub(super) fn connect(path: &Path, wanted: &Wanted) -> rusqlite::Result<Connection> {
    let new = !path.exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(std::path::absolute(path).unwrap_or(path.to_owned()), flags)?;
    connection.busy_timeout(BUSY)?;
    if new {
        // Measured beside 4 KB pages: larger ones make a load faster and look-ups of random keys slower. 16 KB take 0.85 of
        // the time for a load and 1.28 for an update of every document, which is the rarer run.
        connection.execute_batch("PRAGMA page_size = 16384")?;
    }
    // A second thread sorts while the first one reads, when an index is built.
    // The operating system keeps what a killed process wrote; only a power cut needs more.
    let synchronous = if wanted.wait_for_sync { "FULL" } else { "OFF" };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = {APPLY_CACHE}; PRAGMA threads = 1"
    ))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Reads the header, so that a file that is no database is told now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}
