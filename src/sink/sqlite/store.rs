//! The store as a sink: when its transactions begin and end, and what is done in them.

use super::collection::Collections;
use super::database::Database;
use super::load;
use super::schema::{self, Refusal};
use crate::batch::Batch;
use crate::record::Reason;
use crate::sink::wanted::Wanted;
use crate::sink::{Bucket, Durable, Ledger, Note, Say, Sink, SinkError};
use crate::stop::Stop;
use anyhow::{Error, Result, bail};
use rusqlite::Connection;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes of keys and documents after which a run from a pipe commits.
const COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// The embedded store.
#[derive(Debug)]
pub struct Store {
    database: Database,
    collections: Collections,
    /// Whether the run's collection holds edges.
    pub(super) edge: bool,
    complete: bool,
    /// Whether it commits before the end: what comes from a pipe is not all lost with the process.
    commits_early: bool,
    interval: Duration,
    last_commit: Instant,
    /// Bytes applied since the last commit.
    pending_bytes: usize,
    /// Whether a commit has made rows lasting whose index is not built.
    committed_load: bool,
    begun: bool,
}

impl Store {
    /// Waits for the store, and checks that it can take this run.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open(path: PathBuf, wanted: Wanted, stop: Stop, say: Say<'_>) -> Result<Store> {
        let database = Database::open(path, &wanted, stop, say)?;
        let edge = holds_edges(&database, &wanted)?;
        Ok(Store {
            database,
            edge,
            complete: wanted.complete,
            commits_early: !wanted.complete && wanted.inputs.stored_bytes.is_none(),
            interval: wanted.batches.interval,
            last_commit: Instant::now(),
            pending_bytes: 0,
            committed_load: false,
            begun: false,
            collections: Collections::new(wanted, edge),
        })
    }

    /// Applies a batch; `at` is the action that it has come to.
    fn apply_batch(&mut self, batch: &Batch, at: &mut usize, out: &mut Ledger, say: Say<'_>) -> Result<(), SinkError> {
        let connection = begin(&self.database, &mut self.begun, say)?;
        while *at < batch.len() {
            let done = match self.collections.of(connection, &batch.action(*at), out, say) {
                Ok(collection) => collection.apply(connection, batch, at, out),
                Err(Refusal::Sqlite(error)) => Err(error),
                Err(Refusal::Name(reason)) => {
                    refuse(batch, at, &reason, out);
                    continue;
                }
            };
            done.map_err(|error| self.database.stopped(&error))?;
        }
        self.pending_bytes += batch.bytes();
        Ok(())
    }

    /// Ends all loads and commits.
    fn end(&mut self, clean: bool, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        let connection = begin(&self.database, &mut self.begun, say)?;
        for collection in &mut self.collections.all {
            collection.end_load(connection, out, say).map_err(|error| self.database.stopped(&error))?;
        }
        if self.complete && (!clean || out.has_failed()) {
            return Err(SinkError::rolled_back("everything was rolled back, because of --complete"));
        }
        self.commit()
    }

    /// Commits what was applied. A load is durable only when its index is built.
    fn commit(&mut self) -> Result<Durable, SinkError> {
        let Some(connection) = self.database.transaction() else { return Ok(Durable::Earlier) };
        let saved = self.collections.save(connection).and_then(|()| self.database.commit(connection));
        saved.map_err(|error| self.database.stopped(&error))?;
        self.committed_load = self.collections.is_any_loading();
        self.pending_bytes = 0;
        self.last_commit = Instant::now();
        Ok(if self.committed_load { Durable::Earlier } else { Durable::All })
    }

    /// Undoes what is not committed: it is certainly not stored, unless an earlier commit of the same load holds a part of it.
    fn roll_back(&mut self, error: SinkError) -> SinkError {
        self.database.close();
        let undone = if self.committed_load { Bucket::Unknown } else { Bucket::Unsent };
        SinkError { undone, ..error }
    }
}

/// Whether the run's collection holds edges; checks that it can take the run.
fn holds_edges(database: &Database, wanted: &Wanted) -> Result<bool> {
    let mut existing = None;
    if let (Some(connection), Some(name)) = (database.connection(), &wanted.collection) {
        existing = schema::find(connection, name).map_err(|refusal| match refusal {
            Refusal::Sqlite(error) => database.refused(&error),
            Refusal::Name(reason) => Error::msg(reason.text),
        })?;
    }
    let name = wanted.collection.as_deref().unwrap_or_default();
    if existing.is_none() && wanted.create_collection == Some(false) {
        bail!("collection {name:?} not found (--create-collection=false)");
    }
    let edge = existing.map_or(wanted.edge, |entry| entry.edge);
    if wanted.edge && !edge {
        bail!("--edge: collection {name:?} exists and holds documents");
    }
    if wanted.prefixes && !edge {
        bail!("--from-prefix and --to-prefix require an edge collection: add --edge to make {name:?} one");
    }
    Ok(edge)
}

/// Begins a transaction, if none is under way; the first one of a run prepares the store.
fn begin<'d>(database: &'d Database, begun: &mut bool, say: Say<'_>) -> Result<&'d Connection, SinkError> {
    let connection = database.begin(say)?;
    if !*begun {
        prepare(connection, say).map_err(|error| database.stopped(&error))?;
        *begun = true;
    }
    Ok(connection)
}

/// What the first transaction of a run does before any record.
fn prepare(connection: &Connection, say: Say<'_>) -> rusqlite::Result<()> {
    if schema::format(connection)?.is_none() {
        schema::create(connection)?;
    }
    connection.execute("DELETE FROM bulkimport_tombstones WHERE deleted_at < unixepoch() - 60", [])?;
    for mut entry in schema::interrupted(connection)? {
        let gone = load::finish(connection, &mut entry, None)?;
        say(Note::Warning(format!(
            "collection {:?}: finished the index of an interrupted import ({} records with a key stored before: \
             {} updated, {} ignored, {} dropped as duplicates)",
            entry.name,
            gone.total(),
            gone[Bucket::Updated],
            gone[Bucket::Ignored],
            gone[Bucket::Error]
        )));
    }
    Ok(())
}

/// Fails every action on a collection that cannot be used, from the `at`-th on.
fn refuse(batch: &Batch, at: &mut usize, reason: &Reason, out: &mut Ledger) {
    let collection = batch.action(*at).collection;
    while *at < batch.len() && batch.action(*at).collection == collection {
        out.settle(batch, *at, Bucket::Error, Some(reason.clone()), None);
        *at += 1;
    }
}

impl Sink for Store {
    fn asks_for_repeats(&self) -> bool {
        true
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        let mut at = 0;
        if let Err(error) = self.apply_batch(batch, &mut at, out, say) {
            out.leave_unsent(batch, at);
            return Err(self.roll_back(error));
        }
        let is_due = self.pending_bytes >= COMMIT_BYTES || self.last_commit.elapsed() >= self.interval;
        if is_due { self.flush_idle(out, say) } else { Ok(Durable::Earlier) }
    }

    fn flush_idle(&mut self, _: &mut Ledger, _: Say<'_>) -> Result<Durable, SinkError> {
        if !self.commits_early {
            return Ok(Durable::Earlier);
        }
        self.commit().map_err(|error| self.roll_back(error))
    }

    fn finish(&mut self, clean: bool, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        if !self.begun && self.complete && !clean {
            return Err(SinkError::rolled_back("nothing was stored, because of --complete"));
        }
        if !self.begun || self.database.transaction().is_none() && !self.committed_load {
            // Nothing is left to do: what another program does to the store now does not concern this run.
            return Ok(Durable::All);
        }
        self.end(clean, out, say).map_err(|error| self.roll_back(error))
    }
}
