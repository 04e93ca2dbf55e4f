//! The file of the store: its lock, its settings and its transactions.

use super::lock::StoreLock;
use super::{error_text, is_busy, schema};
use crate::error::refused;
use crate::sink::paths::real;
use crate::sink::wanted::Wanted;
use crate::sink::{Log, Note, SinkError};
use crate::stop::Stop;
use anyhow::{Error, Result};
use rusqlite::{Connection, FileControl, OpenFlags};
use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Maximum time to wait for another program that uses the store.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How long SQLite waits for a transaction at a time; between waits, signals are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Cache size with an index, in SQLite's notation for KiB: look-ups read random pages.
pub(super) const APPLY_CACHE: i32 = -24_576;

/// Cache size while actions are applied together: each page is used once, and larger caches gained nothing.
pub(super) const SORT_CACHE: i32 = -4_096;

/// Cache size during a load. Appending rows needs few pages. It also limits how much the index build sorts at a time, and
/// what fits into the processor's cache sorts faster (measured for a million documents: 2 MiB took 0.89 of the time of 8 MiB).
pub(super) const LOAD_CACHE: i32 = -2_048;

/// Cache size while the index of a short load is built: all its keys are sorted at once (measured for 171,075 documents:
/// 0.90 of the instructions with `LOAD_CACHE`).
pub(super) const INDEX_CACHE: i32 = -8_192;

/// The file of a store, which the first transaction creates.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    wait_for_sync: bool,
    /// Ends the wait for another program.
    stop: Stop,
    connection: OnceCell<Connection>,
    /// Whether this run created the file.
    created: Cell<bool>,
    // The last field, so that it is released after the connection is closed. A dry run needs no lock.
    _lock: Option<StoreLock>,
}

impl Database {
    /// Waits for the lock on a store, and opens it if it exists.
    pub(super) fn open(path: PathBuf, wanted: &Wanted, stop: Stop, log: Log<'_>) -> Result<Database> {
        let shown = path.display();
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
            return Err(refused(format!("{shown}: no such directory: {}", parent.display())));
        }
        if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            return Err(refused(format!("{shown}: not a regular file")));
        }
        let lock = || {
            // One store has one lock, even under several names.
            StoreLock::take(&real(&path), || log(Note::Warning(format!("waiting for another import into {shown}"))))
        };
        let lock = (!wanted.dry_run).then(lock).transpose();
        let lock = lock.map_err(|error| refused(format!("{shown}: cannot lock the store: {error}")))?;
        let (wait_for_sync, connection, created) = (wanted.wait_for_sync, OnceCell::new(), Cell::new(false));
        let database = Database { path, wait_for_sync, stop, connection, created, _lock: lock };
        if database.path.exists() {
            let connection = database.connect().map_err(|error| database.refused(&error))?;
            database.check(connection, wanted.dry_run)?;
        }
        Ok(database)
    }

    /// Checks that an existing store can be used.
    fn check(&self, connection: &Connection, dry_run: bool) -> Result<()> {
        let path = self.path.display();
        if let Some(fault) = schema::fault(connection).map_err(|error| self.refused(&error))? {
            return Err(refused(format!("{path}: {fault}")));
        }
        if !dry_run && connection.is_readonly("main").map_err(|error| self.refused(&error))? {
            return Err(refused(format!("{path}: not writable")));
        }
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<&Connection> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let new = !self.path.exists();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let path = std::path::absolute(&self.path).unwrap_or(self.path.clone());
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(MAX_WAIT)?;
        if new {
            self.created.set(true);
            // Larger pages make a load faster and look-ups of random keys slower. Measured against 4 KB pages, 16 KB take 0.85
            // of the time for a load and 1.28 for an update of every document, which is the rarer run.
            connection.execute_batch("PRAGMA page_size = 16384")?;
        }
        // threads: while an index is built, a second thread sorts what the first one reads.
        // synchronous: the operating system keeps what a killed process wrote; only a power cut needs more.
        let synchronous = if self.wait_for_sync { "FULL" } else { "OFF" };
        connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA threads = 1"))?;
        size_cache(&connection, APPLY_CACHE)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Reads the header, so that a file that is no database is found now.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(self.connection.get_or_init(|| connection))
    }

    /// The connection, if it is open.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.connection.get()
    }

    /// The connection, if a transaction is open.
    pub(super) fn transaction(&self) -> Option<&Connection> {
        self.connection.get().filter(|connection| !connection.is_autocommit())
    }

    /// Opens the file and begins a transaction, if that is not done yet; waits for other programs that use the store.
    pub(super) fn begin(&self, log: Log<'_>) -> Result<&Connection, SinkError> {
        let connection = self.connect().map_err(|error| self.stopped(&error))?;
        if connection.is_autocommit() {
            self.wait_and_begin(connection, log)?;
        }
        Ok(connection)
    }

    fn wait_and_begin(&self, connection: &Connection, log: Log<'_>) -> Result<(), SinkError> {
        let since = Instant::now();
        let mut is_first = true;
        // Exclusive, so that it waits for readers here: with a reader during a transaction, SQLite waits again for each page
        // that does not fit into its cache.
        while let Err(error) =
            connection.busy_timeout(POLL_INTERVAL).and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"))
        {
            let why = error_text(&self.path, &error);
            if !is_busy(&error) {
                return Err(SinkError::stopped(why));
            }
            if std::mem::take(&mut is_first) {
                log(Note::Warning(format!("{why}, waiting for it")));
            }
            if since.elapsed() >= MAX_WAIT || self.stop.is_requested() {
                let waited = since.elapsed().as_secs_f64();
                return Err(SinkError::stopped(format!("{why} (waited {waited:.1} s)")));
            }
        }
        Ok(())
    }

    /// Commits, unless the file was moved or replaced: then a commit would be lost.
    pub(super) fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut moved = 0;
        connection.file_control(None::<&str>, FileControl::HasMoved(&mut moved))?;
        if moved != 0 {
            return Err(rusqlite::Error::InvalidPath(self.path.clone()));
        }
        connection.execute_batch("COMMIT")
    }

    /// Closes the file, which rolls back what is not committed.
    pub(super) fn close(&mut self) {
        self.connection.take();
    }

    /// The error of a store that cannot be used.
    pub(super) fn refused(&self, error: &rusqlite::Error) -> Error {
        refused(error_text(&self.path, error))
    }

    /// The error of a store that can no longer be used.
    pub(super) fn stopped(&self, error: &rusqlite::Error) -> SinkError {
        SinkError::stopped(error_text(&self.path, error))
    }
}

impl Drop for Database {
    /// Removes the file if this run created it and committed nothing: SQLite then leaves it empty.
    fn drop(&mut self) {
        self.close();
        if self.created.get() && self.path.metadata().is_ok_and(|about| about.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Sets the size of SQLite's cache.
pub(super) fn size_cache(connection: &Connection, size: i32) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA cache_size = {size}"))
}
