//! The store as a sink: transactions, collections on first use, and the choice between loading and applying.

use super::busy::patiently;
use super::collection::{Collection, Phase};
use super::connect::{connect, has_moved, size_cache};
use super::duplicates;
use super::load::{self, can_load};
use super::lock::StoreLock;
use super::schema::{self, Refusal};
use super::stretch::Stretch;
use super::{explained, is_busy};
use crate::batch::{Batch, BatchAction};
use crate::error::refused;
use crate::record::Reason;
use crate::sink::paths::real;
use crate::sink::wanted::Wanted;
use crate::sink::{Bucket, Durable, Ledger, Note, Say, Sink, SinkError};
use crate::stop::Stop;
use anyhow::{Error, Result, bail};
use rusqlite::Connection;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes of documents after which a run from a pipe commits.
const COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// How long SQLite itself waits for the store: after it busy.rs waits on, and sees signals meanwhile.
const BUSY_BEGIN: Duration = Duration::from_millis(50);

/// The embedded store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    wanted: Wanted,
    /// Ends waiting for a store that another program has.
    stop: Stop,
    connection: Option<Connection>,
    collections: Vec<Collection>,
    /// Bytes of documents applied since the last commit.
    pending_bytes: usize,
    in_transaction: bool,
    /// Whether a commit has made rows lasting whose index is not built.
    committed_load: bool,
    last_commit: Instant,
    edge: bool,
    begun: bool,
    /// Whether it was said that another program has the store.
    waiting: bool,
    // Last, so that it is released when the connection is closed. A dry run needs none.
    _lock: Option<StoreLock>,
}

impl Store {
    /// Waits for the store, and checks that it can take this run.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open(path: PathBuf, wanted: Wanted, stop: Stop, say: Say<'_>) -> Result<Store> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
            return Err(refused(format!("{}: there is no directory {}", path.display(), parent.display())));
        }
        if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            return Err(refused(format!("{}: is no regular file", path.display())));
        }
        let mut take = || {
            // Under whatever name it was reached, one store has one lock.
            StoreLock::take(&real(&path), || {
                say(Note::Warning(format!("waiting for another import into {}", path.display())));
            })
        };
        let lock = if wanted.dry_run { Ok(None) } else { take().map(Some) };
        let lock = lock.map_err(|error| refused(format!("{}: cannot lock the store: {error}", path.display())))?;
        let mut store = Store {
            path,
            wanted,
            stop,
            connection: None,
            collections: Vec::new(),
            pending_bytes: 0,
            in_transaction: false,
            committed_load: false,
            last_commit: Instant::now(),
            edge: false,
            begun: false,
            waiting: false,
            _lock: lock,
        };
        store.edge = store.check()?;
        Ok(store)
    }

    /// Whether the run's collection holds edges.
    pub fn is_edge(&self) -> bool {
        self.edge
    }

    fn check(&mut self) -> Result<bool> {
        let (path, wanted) = (&self.path, &self.wanted);
        let mut existing = None;
        if path.exists() {
            let failed = |error: rusqlite::Error| refused(explained(path, &error));
            let connection = connect(path, wanted).map_err(failed)?;
            match schema::format(&connection).map_err(failed)? {
                Some(newer) if newer > schema::FORMAT => {
                    return Err(refused(format!(
                        "{}: the store has format {newer}, this program knows {} (a newer bulkimport made it)",
                        path.display(),
                        schema::FORMAT
                    )));
                }
                _ => {}
            }
            if let Some(name) = &wanted.collection {
                existing = schema::find(&connection, name).map_err(|refusal| match refusal {
                    Refusal::Sqlite(error) => failed(error),
                    Refusal::Name(reason) => Error::msg(reason.text),
                })?;
            }
            if !wanted.dry_run && connection.is_readonly("main").map_err(failed)? {
                return Err(refused(format!("{}: may not be written", path.display())));
            }
            self.connection = Some(connection);
        }
        let name = wanted.collection.as_deref().unwrap_or_default();
        match existing {
            None if wanted.create_collection == Some(false) => {
                bail!("collection {name:?} does not exist, and --create-collection=false was given")
            }
            Some(entry) if wanted.edge && !entry.edge => {
                bail!("--edge: collection {name:?} exists and holds documents")
            }
            entry => {
                let edge = entry.map_or(wanted.edge, |entry| entry.edge);
                if wanted.prefixes && !edge {
                    bail!("prefixes need an edge collection: add --edge to make {name:?} one");
                }
                Ok(edge)
            }
        }
    }

    fn stopped(&self, error: &rusqlite::Error) -> SinkError {
        SinkError::stopped(explained(&self.path, error))
    }

    /// Opens the file if need be and begins a transaction, as soon as no other program has the store.
    fn begin(&mut self, say: Say<'_>) -> Result<(), SinkError> {
        if self.in_transaction {
            return Ok(());
        }
        if self.connection.is_none() {
            let connection = connect(&self.path, &self.wanted).map_err(|error| self.stopped(&error))?;
            self.connection = Some(connection);
        }
        let Some(connection) = &self.connection else { return Ok(()) };
        let (mut why, mut waiting) = (String::new(), self.waiting);
        let mut attempt = || {
            // Exclusive, so that readers are waited for here: one that comes into a transaction makes SQLite wait again for every
            // page that its cache has no room for.
            match connection.busy_timeout(BUSY_BEGIN).and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE")) {
                Err(error) if is_busy(&error) => {
                    why = explained(&self.path, &error);
                    if !std::mem::replace(&mut waiting, true) {
                        say(Note::Warning(format!("{why}, waiting for it")));
                    }
                    None
                }
                other => Some(other),
            }
        };
        let mut sleep = |pause| {
            std::thread::sleep(pause);
            !self.stop.asked()
        };
        let begun = patiently(&mut sleep, &mut attempt);
        self.waiting = waiting;
        begun
            .map_err(|waited| SinkError::stopped(format!("{why} ({waited})")))?
            .map_err(|error| self.stopped(&error))?;
        self.waiting = false;
        self.in_transaction = true;
        if !self.begun {
            self.prepare(say).map_err(|error| self.stopped(&error))?;
            self.begun = true;
        }
        Ok(())
    }

    /// What the first transaction of a run does before any record.
    fn prepare(&self, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        if schema::format(connection)?.is_none() {
            schema::create(connection)?;
        }
        connection.execute("DELETE FROM bulkimport_tombstones WHERE deleted_at < unixepoch() - 60", [])?;
        let mut loading = connection.prepare("SELECT name FROM bulkimport_collections WHERE state = 'loading'")?;
        let names: Vec<String> = loading.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for name in names {
            let mut entry = match schema::find(connection, &name) {
                Ok(Some(entry)) if schema::has_table(connection, &name)? => entry,
                Err(Refusal::Sqlite(error)) => return Err(error),
                // Its table was dropped or renamed by another program.
                Ok(_) | Err(Refusal::Name(_)) => continue,
            };
            let resolved = load::finish(connection, &mut entry, None)?;
            if resolved.errors > 0 {
                duplicates::forget(connection)?;
            }
            say(Note::Warning(format!(
                "collection {name:?}: finished the index of an interrupted import ({} records with a key stored before: \
                 {} updated, {} ignored, {} dropped as duplicates)",
                resolved.removed(),
                resolved.updated,
                resolved.ignored,
                resolved.errors
            )));
        }
        Ok(())
    }

    /// The place of a collection in `collections`, found or made on first use.
    fn collection(&mut self, name: &str) -> Result<usize, Refusal> {
        let own = name.is_empty();
        let name = if own { self.wanted.collection.clone().unwrap_or_default() } else { name.to_owned() };
        if let Some(place) = self.collections.iter().position(|collection| collection.entry.name == name) {
            return Ok(place);
        }
        let Some(connection) = &self.connection else { return Err(Refusal::Sqlite(rusqlite::Error::InvalidQuery)) };
        self.collections.push(Collection::open(connection, &self.wanted, &name, own, self.edge)?);
        self.size_cache()?;
        Ok(self.collections.len() - 1)
    }

    /// Applies the actions of a batch from the `at`-th on that go to one collection in one way; returns where it stopped.
    fn stretch(&mut self, batch: &Batch, at: usize, out: &mut Ledger, say: Say<'_>) -> Result<usize, Failed> {
        let Some((_, first)) = batch.actions_from(at).next() else { return Ok(at) };
        let place = match self.collection(first.collection) {
            Ok(place) => place,
            Err(Refusal::Name(reason)) => return Ok(refuse(batch, at, first.collection, &reason, out)),
            Err(Refusal::Sqlite(error)) => return Err(Failed { at, error }),
        };
        self.choose(place, &first, out, say).map_err(|error| Failed { at, error })?;
        let Some(connection) = &self.connection else { return Ok(at) };
        let collection = &mut self.collections[place];
        let mut stretch = Stretch { batch, at, collection: first.collection, bytes: &mut self.pending_bytes };
        let done = stretch.run(connection, collection, &self.wanted.inputs.names, out);
        let at = stretch.at;
        done.map_err(|error| Failed { at, error })?;
        Ok(at)
    }

    /// Ends a load that the next action cannot be part of, or begins one where it pays.
    fn choose(
        &mut self,
        place: usize,
        action: &BatchAction<'_>,
        out: &mut Ledger,
        say: Say<'_>,
    ) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let collection = &mut self.collections[place];
        let was_loading = collection.is_loading();
        if was_loading && !can_load(action) {
            return self.end_load(place, out, say);
        }
        collection.choose(connection, action)?;
        if collection.is_loading() == was_loading { Ok(()) } else { self.size_cache() }
    }

    fn end_load(&mut self, place: usize, out: &mut Ledger, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        self.collections[place].end_load(connection, &self.wanted.inputs.names, out, say)?;
        self.size_cache()
    }

    /// Sizes SQLite's cache for what most collections are about to do.
    fn size_cache(&self) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let loading = self.collections.iter().all(Collection::is_loading);
        size_cache(connection, loading)
    }

    /// Commits what was applied. A load is durable only when its index is built.
    fn commit(&mut self) -> rusqlite::Result<Durable> {
        let Some(connection) = self.connection.as_ref().filter(|_| self.in_transaction) else {
            return Ok(Durable::Earlier);
        };
        let mut loading = false;
        for collection in &self.collections {
            if let Phase::Loading(load) = &collection.phase {
                load.save(connection, &collection.entry, &self.wanted.inputs.names)?;
                loading = true;
            }
            schema::save(connection, &collection.entry)?;
        }
        if has_moved(connection)? {
            return Err(rusqlite::Error::InvalidPath(self.path.clone()));
        }
        connection.execute_batch("COMMIT")?;
        self.in_transaction = false;
        self.committed_load = loading;
        self.pending_bytes = 0;
        self.last_commit = Instant::now();
        Ok(if loading { Durable::Earlier } else { Durable::All })
    }

    /// Undoes what is not committed: it is certainly not stored, unless an earlier commit of the same load holds a part of it.
    fn roll_back(&mut self, error: SinkError) -> SinkError {
        if let Some(connection) = self.connection.take() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        self.in_transaction = false;
        let undone = if self.committed_load { Bucket::Unknown } else { Bucket::Unsent };
        SinkError { undone, ..error }
    }
}

/// An error of the database, and the record at which it came.
struct Failed {
    at: usize,
    error: rusqlite::Error,
}

/// Fails every action on a collection that cannot be used, from the `at`-th on.
fn refuse(batch: &Batch, at: usize, collection: &str, reason: &Reason, out: &mut Ledger) -> usize {
    let count = batch.actions_from(at).take_while(|(_, action)| action.collection == collection).count();
    (at..at + count).for_each(|index| out.settle(batch, index, Bucket::Error, Some(reason.clone()), None));
    at + count
}

impl Sink for Store {
    fn asks_for_repeats(&self) -> bool {
        true
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        if let Err(error) = self.begin(say) {
            out.leave_unsent(batch, 0);
            return Err(self.roll_back(error));
        }
        let mut at = 0;
        while at < batch.len() {
            match self.stretch(batch, at, out, say) {
                Ok(next) => at = next,
                Err(failed) => {
                    out.leave_unsent(batch, failed.at);
                    let error = self.stopped(&failed.error);
                    return Err(self.roll_back(error));
                }
            }
        }
        let is_due = self.pending_bytes >= COMMIT_BYTES || self.last_commit.elapsed() >= self.wanted.batches.interval;
        if is_due { self.flush_idle(out, say) } else { Ok(Durable::Earlier) }
    }

    fn flush_idle(&mut self, _: &mut Ledger, _: Say<'_>) -> Result<Durable, SinkError> {
        if self.wanted.complete || self.wanted.inputs.stored_bytes.is_some() {
            return Ok(Durable::Earlier);
        }
        self.commit().map_err(|error| {
            let error = self.stopped(&error);
            self.roll_back(error)
        })
    }

    fn finish(&mut self, clean: bool, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        if !self.begun {
            if self.wanted.complete && !clean {
                return Err(SinkError::rolled_back("nothing was stored, because of --complete"));
            }
            return Ok(Durable::All);
        }
        if !self.in_transaction && !self.committed_load {
            // All is committed: nothing that another program does to the store now concerns this run.
            return Ok(Durable::All);
        }
        let mut done = self.begin(say).and_then(|()| {
            (0..self.collections.len())
                .try_for_each(|place| self.end_load(place, out, say))
                .map_err(|error| self.stopped(&error))
        });
        if done.is_ok() && self.wanted.complete && (!clean || out.has_failed()) {
            done = Err(SinkError::rolled_back("everything was rolled back, because of --complete"));
        }
        done.and_then(|()| self.commit().map_err(|error| self.stopped(&error))).map_err(|error| self.roll_back(error))
    }
}
