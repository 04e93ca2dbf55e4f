//! The store as a sink: begins and ends transactions, and applies batches in them.

use super::bulk::LineForm;
use super::collection::{Collections, settle};
use super::database::Database;
use super::held::Held;
use super::item::ItemError;
use super::load;
use super::progress::{self, Progress};
use super::schema::{self, Refusal};
use crate::batch::{Batch, Encode};
use crate::progress::grouped;
use crate::record::Reason;
use crate::sink::restart::{Kept, Restored};
use crate::sink::wanted::Wanted;
use crate::sink::{Bucket, Durable, Ledger, Log, Note, Sink, SinkError};
use crate::stop::Stop;
use anyhow::{Error, Result, bail};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of keys and documents after which a run from a pipe commits.
const COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// The embedded store.
#[derive(Debug)]
pub struct Store {
    database: Database,
    collections: Collections,
    /// Batches whose actions are applied together, later.
    held: Held,
    /// Whether each collection of the run holds edges.
    pub(super) edges: Vec<bool>,
    complete: bool,
    /// Whether it commits before the end, so that an import from a pipe is not lost as a whole if the process dies.
    commits_early: bool,
    /// Whether it commits after every batch: a line of `--results` is written when its action is durable.
    shows: bool,
    interval: Duration,
    last_commit: Instant,
    /// Bytes applied since the last commit.
    pending_bytes: usize,
    /// Whether rows are committed whose index is not built yet.
    committed_load: bool,
    /// Whether the first transaction of the run has prepared the store.
    prepared: bool,
    /// The progress of a run with a journal.
    progress: Option<Progress>,
}

impl Store {
    /// Waits for the store, and checks that it can be used for this run.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open(path: PathBuf, wanted: Wanted, stop: Stop, log: Log<'_>) -> Result<Store> {
        let database = Database::open(path, &wanted, stop, log)?;
        let edges = edges(&database, &wanted)?;
        let progress = Progress::read(database.connection(), &wanted.run, &wanted.restart);
        let progress = progress.map_err(|error| database.refused(&error))?;
        let is_early = wanted.results.is_some() || wanted.inputs.stored_bytes.is_none() || progress.is_some();
        let used = progress.as_ref().map_or_else(Vec::new, |progress| progress.used.clone());
        Ok(Store {
            database,
            edges: edges.clone(),
            complete: wanted.complete,
            commits_early: !wanted.complete && is_early,
            shows: wanted.results.is_some(),
            interval: wanted.batches.interval,
            last_commit: Instant::now(),
            pending_bytes: 0,
            committed_load: progress.as_ref().is_some_and(Progress::has_held),
            prepared: false,
            collections: Collections::new(wanted, edges, used),
            held: Held::default(),
            progress,
        })
    }

    /// Applies a batch from the action at `index` on, and advances it.
    fn apply_batch(
        &mut self,
        batch: &Batch,
        index: &mut usize,
        out: &mut Ledger,
        log: Log<'_>,
    ) -> Result<(), SinkError> {
        let connection = begin(&self.database, &mut self.prepared, &self.collections.resumed, log)?;
        self.pending_bytes += batch.bytes();
        let is_held = self.held.take(batch, &mut self.collections, connection, out);
        if is_held.map_err(|error| self.database.stopped(&error))? {
            // From here on the copy is what is settled.
            *index = batch.len();
            let is_full = self.held.is_full();
            let applied = if is_full { self.held.apply(&mut self.collections, connection, out) } else { Ok(()) };
            return applied.map_err(|error| self.database.stopped(&error));
        }
        while *index < batch.len() {
            let done = match self.collections.of(connection, batch, *index, out, log) {
                Ok(collection) => collection.apply(connection, batch, index, out),
                Err(Refusal::Sqlite(error)) => Err(error),
                Err(Refusal::Missing(name)) => {
                    settle(ItemError::no_index(format!("no such index [{name}]")).into(), batch, *index, &name, out);
                    *index += 1;
                    continue;
                }
                Err(Refusal::Name(reason)) => {
                    refuse(batch, index, &reason, out);
                    continue;
                }
            };
            done.map_err(|error| self.database.stopped(&error))?;
        }
        Ok(())
    }

    /// Ends all loads and commits.
    fn end(&mut self, clean: bool, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError> {
        let connection = begin(&self.database, &mut self.prepared, &self.collections.resumed, log)?;
        self.collections.reopen(connection).map_err(|error| self.database.stopped(&error))?;
        let applied = self.held.apply(&mut self.collections, connection, out);
        applied.map_err(|error| self.database.stopped(&error))?;
        for collection in &mut self.collections.all {
            out.select(collection.number);
            collection.end_load(connection, out, log).map_err(|error| self.database.stopped(&error))?;
        }
        if self.complete && (!clean || out.has_failed()) {
            return Err(SinkError::rolled_back("everything was rolled back, because of --complete"));
        }
        self.commit(out)
    }

    /// Applies what is held, and commits. A load is durable only when its index is built.
    fn commit(&mut self, out: &mut Ledger) -> Result<Durable, SinkError> {
        let Some(connection) = self.database.transaction() else { return Ok(Durable::Earlier) };
        let applied = self.held.apply(&mut self.collections, connection, out);
        let is_loading = self.collections.is_any_loading();
        let saved = applied.and_then(|()| self.collections.save(connection)).and_then(|()| match &mut self.progress {
            Some(progress) => progress.save(connection, self.collections.names(), out, !is_loading),
            None => Ok(()),
        });
        let committed = saved.and_then(|()| self.database.commit(connection));
        committed.map_err(|error| self.database.stopped(&error))?;
        self.progress.iter_mut().for_each(Progress::committed);
        self.committed_load = is_loading;
        self.pending_bytes = 0;
        self.last_commit = Instant::now();
        Ok(if self.committed_load { Durable::Earlier } else { Durable::All })
    }

    /// Rolls back what is not committed. It is certainly not stored, unless an earlier commit has a part of the same load.
    fn roll_back(&mut self, error: SinkError, out: &mut Ledger) -> SinkError {
        self.held.leave_unsent(out);
        self.database.close();
        let undone = if self.committed_load { Bucket::Unknown } else { Bucket::Unsent };
        SinkError { undone, ..error }
    }
}

/// Whether each collection of the run holds edges; checks that the collections fit the flags.
fn edges(database: &Database, wanted: &Wanted) -> Result<Vec<bool>> {
    let edges =
        wanted.collections.iter().map(|name| holds_edges(database, wanted, name)).collect::<Result<Vec<_>>>()?;
    if wanted.prefixes && !edges.contains(&true) {
        let names: Vec<String> = wanted.collections.iter().map(|name| format!("{name:?}")).collect();
        bail!("--from-prefix and --to-prefix require an edge collection: add --edge to make {} one", names.join(", "));
    }
    Ok(edges)
}

fn holds_edges(database: &Database, wanted: &Wanted, name: &str) -> Result<bool> {
    let mut existing = None;
    if let Some(connection) = database.connection() {
        existing = schema::find(connection, name).map_err(|refusal| match refusal {
            Refusal::Sqlite(error) => database.refused(&error),
            Refusal::Name(reason) => Error::msg(reason.text),
            Refusal::Missing(name) => Error::msg(format!("no collection {name:?}")),
        })?;
    }
    if existing.is_none() && wanted.create_collection == Some(false) {
        bail!("collection {name:?} not found (--create-collection=false)");
    }
    let edge = existing.map_or(wanted.edge, |entry| entry.edge);
    if wanted.edge && !edge {
        bail!("--edge: collection {name:?} exists and holds documents");
    }
    Ok(edge)
}

/// Begins a transaction, if none is open; the first one of a run prepares the store. Loads of the collections in `resumed`
/// go on.
fn begin<'d>(
    database: &'d Database,
    prepared: &mut bool,
    resumed: &[String],
    log: Log<'_>,
) -> Result<&'d Connection, SinkError> {
    let connection = database.begin(log)?;
    if !*prepared {
        prepare(connection, resumed, log).map_err(|error| database.stopped(&error))?;
        *prepared = true;
    }
    Ok(connection)
}

/// Creates the schema if it is missing, and finishes interrupted loads.
fn prepare(connection: &Connection, resumed: &[String], log: Log<'_>) -> rusqlite::Result<()> {
    if schema::format(connection)?.is_none() {
        schema::create(connection)?;
    }
    let interrupted = schema::interrupted(connection)?.into_iter();
    for mut entry in interrupted.filter(|entry| !resumed.contains(&entry.name)) {
        let deleted = load::finish(connection, &mut entry, None)?;
        progress::load_finished(connection, &entry.name, &deleted)?;
        log(Note::Warning(format!(
            "collection {:?}: finished the index of an interrupted import ({} records with a key stored before: \
             {} updated, {} ignored, {} dropped as duplicates)",
            entry.name,
            grouped(deleted.total()),
            grouped(deleted[Bucket::Updated]),
            grouped(deleted[Bucket::Ignored]),
            grouped(deleted[Bucket::Error])
        )));
    }
    Ok(())
}

/// Rejects the actions from `index` on that have the same collection, which cannot be used.
fn refuse(batch: &Batch, index: &mut usize, reason: &Reason, out: &mut Ledger) {
    let collection = batch.action(*index).collection;
    while *index < batch.len() && batch.action(*index).collection == collection {
        out.settle(batch, *index, Bucket::Error, Some(reason.clone()), None);
        *index += 1;
    }
}

impl Sink for Store {
    fn asks_for_repeats(&self) -> bool {
        true
    }

    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(LineForm)
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError> {
        let mut at = 0;
        if let Err(error) = self.apply_batch(batch, &mut at, out, log) {
            out.leave_unsent(batch, at);
            return Err(self.roll_back(error, out));
        }
        let is_due = self.shows
            || out.is_heavy()
            || self.pending_bytes >= COMMIT_BYTES
            || self.last_commit.elapsed() >= self.interval;
        if is_due && self.commits_early { self.flush_idle(out, log) } else { Ok(Durable::Earlier) }
    }

    fn restored(&mut self) -> Option<Restored> {
        self.progress.as_mut().and_then(|progress| progress.restored.take())
    }

    fn kept(&mut self) -> Option<Kept> {
        let is_committed = self.database.transaction().is_none();
        self.progress.as_mut().filter(|_| is_committed).map(Progress::kept)
    }

    fn flush_idle(&mut self, out: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        if !self.commits_early {
            // Its errors are reported while the input pauses.
            let Some(connection) = self.database.transaction() else { return Ok(Durable::Earlier) };
            let applied = self.held.apply(&mut self.collections, connection, out);
            let applied = applied.map_err(|error| self.database.stopped(&error));
            return applied.map(|()| Durable::Earlier).map_err(|error| self.roll_back(error, out));
        }
        self.commit(out).map_err(|error| self.roll_back(error, out))
    }

    fn finish(&mut self, clean: bool, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError> {
        if !self.prepared && self.complete && !clean {
            return Err(SinkError::rolled_back("nothing was stored, because of --complete"));
        }
        if !self.committed_load && (!self.prepared || self.database.transaction().is_none()) {
            // Everything is committed, so whether the store can still be used does not matter.
            return Ok(Durable::All);
        }
        self.end(clean, out, log).map_err(|error| self.roll_back(error, out))
    }
}
