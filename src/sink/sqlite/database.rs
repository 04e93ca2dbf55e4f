//! The store's file: its lock, its settings, and its transactions.

use super::lock::StoreLock;
use super::{explained, is_busy, schema};
use crate::error::refused;
use crate::sink::paths::real;
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say, SinkError};
use crate::stop::Stop;
use anyhow::{Error, Result};
use rusqlite::{Connection, FileControl, OpenFlags};
use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long another program that has the store is waited for.
const READ_WAIT: Duration = Duration::from_secs(10);

/// How long SQLite itself waits before a transaction begins: then somebody looks at signals, and tries again.
const LOOK: Duration = Duration::from_millis(50);

/// SQLite's cache while the index is in place, in KiB as SQLite writes it: look-ups go to random pages.
const APPLY_CACHE: i32 = -24_576;

/// SQLite's cache during a load. Rows are appended, so it needs few pages; it also bounds what the index build sorts at a
/// time, and what fits the processor's cache sorts faster (measured: 8 MiB took 0.85 of the time of 24 MiB).
const LOAD_CACHE: i32 = -8_192;

/// A store's file, which is made with the first transaction.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    wait_for_sync: bool,
    /// Ends waiting for a store that another program has.
    stop: Stop,
    connection: OnceCell<Connection>,
    // Last, so that it is released when the connection is closed. A dry run needs none.
    _lock: Option<StoreLock>,
}

impl Database {
    /// Waits for the lock on a store, and opens it if it is there.
    pub(super) fn open(path: PathBuf, wanted: &Wanted, stop: Stop, say: Say<'_>) -> Result<Database> {
        let shown = path.display();
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
            return Err(refused(format!("{shown}: no such directory: {}", parent.display())));
        }
        if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            return Err(refused(format!("{shown}: not a regular file")));
        }
        let lock = || {
            // Under whatever name it was reached, one store has one lock.
            StoreLock::take(&real(&path), || say(Note::Warning(format!("waiting for another import into {shown}"))))
        };
        let lock = (!wanted.dry_run).then(lock).transpose();
        let lock = lock.map_err(|error| refused(format!("{shown}: cannot lock the store: {error}")))?;
        let (wait_for_sync, connection) = (wanted.wait_for_sync, OnceCell::new());
        let database = Database { path, wait_for_sync, stop, connection, _lock: lock };
        if database.path.exists() {
            let connection = database.connect().map_err(|error| database.refused(&error))?;
            database.check(connection, wanted.dry_run)?;
        }
        Ok(database)
    }

    /// Checks that a store that is there can be used.
    fn check(&self, connection: &Connection, dry_run: bool) -> Result<()> {
        let path = self.path.display();
        let format = schema::format(connection).map_err(|error| self.refused(&error))?;
        if let Some(newer) = format.filter(|format| *format > schema::FORMAT) {
            return Err(refused(format!(
                "{path}: store format {newer} is not supported (this bulkimport supports {}; use a newer one)",
                schema::FORMAT
            )));
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
        connection.busy_timeout(READ_WAIT)?;
        if new {
            // Measured beside 4 KB pages: larger ones make a load faster and look-ups of random keys slower. 16 KB take 0.85
            // of the time for a load and 1.28 for an update of every document, which is the rarer run.
            connection.execute_batch("PRAGMA page_size = 16384")?;
        }
        // A second thread sorts while the first one reads, when an index is built.
        // The operating system keeps what a killed process wrote; only a power cut needs more.
        let synchronous = if self.wait_for_sync { "FULL" } else { "OFF" };
        connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA threads = 1"))?;
        size_cache(&connection, false)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Reads the header, so that a file that is no database is told now.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(self.connection.get_or_init(|| connection))
    }

    /// The connection to a store that is there.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.connection.get()
    }

    /// The connection, if a transaction is under way.
    pub(super) fn transaction(&self) -> Option<&Connection> {
        self.connection.get().filter(|connection| !connection.is_autocommit())
    }

    /// Opens the file if need be and begins a transaction, if none is under way, as soon as no other program has the store.
    pub(super) fn begin(&self, say: Say<'_>) -> Result<&Connection, SinkError> {
        let connection = self.connect().map_err(|error| self.stopped(&error))?;
        if connection.is_autocommit() {
            self.wait_and_begin(connection, say)?;
        }
        Ok(connection)
    }

    fn wait_and_begin(&self, connection: &Connection, say: Say<'_>) -> Result<(), SinkError> {
        let since = Instant::now();
        let mut is_first = true;
        // Exclusive, so that readers are waited for here: one that comes into a transaction makes SQLite wait again for every
        // page that its cache has no room for.
        while let Err(error) = connection.busy_timeout(LOOK).and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"))
        {
            let why = explained(&self.path, &error);
            if !is_busy(&error) {
                return Err(SinkError::stopped(why));
            }
            if std::mem::take(&mut is_first) {
                say(Note::Warning(format!("{why}, waiting for it")));
            }
            if since.elapsed() >= READ_WAIT || self.stop.asked() {
                let waited = since.elapsed().as_secs_f64();
                return Err(SinkError::stopped(format!("{why} (waited {waited:.1} s)")));
            }
        }
        Ok(())
    }

    /// Commits, unless the file is no longer the one under its name: then what is committed is lost.
    pub(super) fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut moved = 0;
        connection.file_control(None::<&str>, FileControl::HasMoved(&mut moved))?;
        if moved != 0 {
            return Err(rusqlite::Error::InvalidPath(self.path.clone()));
        }
        connection.execute_batch("COMMIT")
    }

    /// Closes the file, which undoes what is not committed.
    pub(super) fn close(&mut self) {
        self.connection.take();
    }

    /// The error of a store that cannot be used.
    pub(super) fn refused(&self, error: &rusqlite::Error) -> Error {
        refused(explained(&self.path, error))
    }

    /// The error of a store that cannot be used any more.
    pub(super) fn stopped(&self, error: &rusqlite::Error) -> SinkError {
        SinkError::stopped(explained(&self.path, error))
    }
}

/// Sizes SQLite's cache for what is about to be done.
pub(super) fn size_cache(connection: &Connection, loading: bool) -> rusqlite::Result<()> {
    let size = if loading { LOAD_CACHE } else { APPLY_CACHE };
    connection.execute_batch(&format!("PRAGMA cache_size = {size}"))
}
