//! The store as a sink: transactions, collections on first use, and the choice between loading and applying.

use super::collection::{Collection, Phase};
use super::connect::{connect, has_moved, size_cache};
use super::load::{self, can_load};
use super::lock::StoreLock;
use super::schema::{self, Refusal};
use super::stretch::Stretch;
use super::{explained, is_busy};
use crate::batch::{Batch, BatchAction};
use crate::error::refused;
use crate::record::Reason;
use crate::sink::wanted::Wanted;
use crate::sink::{Counts, Note, Outcome, Say, Sink, Trouble};
use anyhow::{Error, Result, bail};
use rusqlite::Connection;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes of documents after which a run from a pipe commits.
const COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// How long it waits where it can: retry.rs waits on, and sees signals meanwhile.
const BUSY_BEGIN: Duration = Duration::from_millis(50);

/// The embedded store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    wanted: Wanted,
    connection: Option<Connection>,
    collections: Vec<Collection>,
    /// Records applied since the last commit, or in a load whose index is not built.
    pending: Counts,
    pending_bytes: usize,
    in_transaction: bool,
    /// Whether a commit has made rows lasting whose index is not built.
    committed_load: bool,
    last_commit: Instant,
    failed: bool,
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
    pub fn open(path: PathBuf, wanted: Wanted, say: Say<'_>) -> Result<Store> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
            return Err(refused(format!("{}: there is no directory {}", path.display(), parent.display())));
        }
        if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            return Err(refused(format!("{}: is no regular file", path.display())));
        }
        let mut take = || {
            // Under whatever name it was reached, one store has one lock.
            StoreLock::take(&real_path(&path), || {
                say(Note::Warning(format!("waiting for another import into {}", path.display())));
            })
        };
        let lock = if wanted.dry_run { Ok(None) } else { take().map(Some) };
        let lock = lock.map_err(|error| refused(format!("{}: cannot lock the store: {error}", path.display())))?;
        let mut store = Store {
            path,
            wanted,
            connection: None,
            collections: Vec::new(),
            pending: Counts::default(),
            pending_bytes: 0,
            in_transaction: false,
            committed_load: false,
            last_commit: Instant::now(),
            failed: false,
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

    fn trouble(&self, error: &rusqlite::Error) -> Trouble {
        Trouble::Stopped(explained(&self.path, error))
    }

    /// Opens the file if need be and begins a transaction.
    fn begin(&mut self, say: Say<'_>) -> Result<(), Trouble> {
        if self.in_transaction {
            return Ok(());
        }
        if self.connection.is_none() {
            let connection = connect(&self.path, &self.wanted).map_err(|error| self.trouble(&error))?;
            self.connection = Some(connection);
        }
        let Some(connection) = &self.connection else { return Ok(()) };
        // Exclusive, so that readers are waited for here: one that comes into a transaction makes SQLite wait again for every
        // page that its cache has no room for.
        let begun = connection.busy_timeout(BUSY_BEGIN).and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"));
        match begun {
            Err(error) if is_busy(&error) => {
                let why = explained(&self.path, &error);
                if !std::mem::replace(&mut self.waiting, true) {
                    say(Note::Warning(format!("{why}, waiting for it")));
                }
                return Err(Trouble::Busy(why));
            }
            other => other.map_err(|error| self.trouble(&error))?,
        }
        self.waiting = false;
        self.in_transaction = true;
        if !self.begun {
            self.prepare(say).map_err(|error| self.trouble(&error))?;
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
    fn stretch(&mut self, batch: &Batch, at: usize, out: &mut Outcome, say: Say<'_>) -> Result<usize, Failed> {
        let Some((_, Ok(first))) = batch.items_from(at).next() else { return Ok(at) };
        let place = match self.collection(first.collection) {
            Ok(place) => place,
            Err(Refusal::Name(reason)) => return Ok(refuse(batch, at, first.collection, &reason, out)),
            Err(Refusal::Sqlite(error)) => return Err(Failed { at, error }),
        };
        self.choose(place, &first, say).map_err(|error| Failed { at, error })?;
        let Some(connection) = &self.connection else { return Ok(at) };
        let collection = &mut self.collections[place];
        let mut stretch = Stretch {
            batch,
            at,
            collection: first.collection,
            pending: &mut self.pending,
            bytes: &mut self.pending_bytes,
        };
        let done = stretch.run(connection, collection, &self.wanted.inputs.names, out);
        let at = stretch.at;
        done.map_err(|error| Failed { at, error })?;
        Ok(at)
    }

    /// Ends a load that the next action cannot be part of, or begins one where it pays.
    fn choose(&mut self, place: usize, action: &BatchAction<'_>, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let collection = &mut self.collections[place];
        let was_loading = collection.is_loading();
        if was_loading && !can_load(action) {
            return self.end_load(place, say);
        }
        collection.choose(connection, action)?;
        if collection.is_loading() == was_loading { Ok(()) } else { self.size_cache() }
    }

    fn end_load(&mut self, place: usize, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let resolved = self.collections[place].end_load(connection, &self.wanted.inputs.names, say)?;
        self.pending.created -= resolved.removed();
        self.pending.updated += resolved.updated;
        self.pending.ignored += resolved.ignored;
        self.failed |= resolved.errors > 0;
        self.size_cache()
    }

    /// Sizes SQLite's cache for what most collections are about to do.
    fn size_cache(&self) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let loading = self.collections.iter().all(Collection::is_loading);
        size_cache(connection, loading)
    }

    fn commit(&mut self, out: &mut Outcome) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        if !self.in_transaction {
            return Ok(());
        }
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
        if !loading {
            out.settle(std::mem::take(&mut self.pending));
        }
        Ok(())
    }

    /// Undoes what is not committed, and settles what was pending: it is certainly not stored, unless an earlier commit
    /// of the same load holds a part of it.
    fn roll_back(&mut self, out: &mut Outcome) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        self.in_transaction = false;
        let pending = std::mem::take(&mut self.pending).total();
        let counts = if self.committed_load {
            Counts { unknown: pending, ..Counts::default() }
        } else {
            Counts { unsent: pending, ..Counts::default() }
        };
        out.settle(counts);
    }
}

/// Where a store really is, also behind a link to a file that is not there yet.
fn real_path(path: &std::path::Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links in a row as Linux follows.
    for _ in 0..40 {
        let Ok(target) = path.read_link() else { break };
        path = path.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(std::path::Path::new(".")).canonicalize();
    match (parent, path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => path,
    }
}

/// An error of the database, and the record at which it came.
struct Failed {
    at: usize,
    error: rusqlite::Error,
}

/// Fails every action on a collection that cannot be used, from the `at`-th on.
fn refuse(batch: &Batch, at: usize, collection: &str, reason: &Reason, out: &mut Outcome) -> usize {
    let mut end = at;
    for (item, action) in batch.items_from(at) {
        match action {
            Ok(action) if action.collection == collection => out.fail(item.origin(), reason.clone()),
            _ => break,
        }
        end += 1;
    }
    end
}

impl Sink for Store {
    fn asks_for_repeats(&self) -> bool {
        true
    }

    fn apply(&mut self, batch: &Batch, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble> {
        let errors = out.counts().errors;
        let acts = batch.items().any(|(_, action)| action.is_ok());
        if acts {
            match self.begin(say) {
                Err(Trouble::Busy(reason)) => return Err(Trouble::Busy(reason)),
                Err(trouble) => {
                    self.roll_back(out);
                    out.leave_unsent(batch, 0);
                    return Err(trouble);
                }
                Ok(()) => {}
            }
        }
        let mut at = 0;
        while at < batch.len() {
            // A record that had failed before it came here is passed on; the others go in stretches.
            if let Some((item, Err(reason))) = batch.items_from(at).next() {
                out.fail(item.origin(), reason.clone());
                at += 1;
                continue;
            }
            match self.stretch(batch, at, out, say) {
                Ok(next) => at = next,
                Err(failed) => {
                    let trouble = self.trouble(&failed.error);
                    self.roll_back(out);
                    out.leave_unsent(batch, failed.at);
                    return Err(trouble);
                }
            }
        }
        self.failed |= out.counts().errors > errors;
        let wait = self.wanted.complete || self.wanted.inputs.stored_bytes.is_some();
        if !wait && (self.pending_bytes >= COMMIT_BYTES || self.last_commit.elapsed() >= self.wanted.batches.interval) {
            return self.rest(out, say);
        }
        Ok(())
    }

    fn rest(&mut self, out: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        if self.wanted.complete || self.wanted.inputs.stored_bytes.is_some() {
            return Ok(());
        }
        self.commit(out).map_err(|error| {
            let trouble = self.trouble(&error);
            self.roll_back(out);
            trouble
        })
    }

    fn finish(&mut self, cut: bool, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble> {
        if !self.begun {
            if self.wanted.complete && (cut || self.failed) {
                return Err(Trouble::RolledBack("nothing was stored, because of --complete".to_owned()));
            }
            return Ok(());
        }
        if !self.in_transaction && !self.committed_load {
            // All is committed: nothing that another program does to the store now concerns this run.
            return Ok(());
        }
        let mut done = self.begin(say).and_then(|()| {
            (0..self.collections.len())
                .try_for_each(|place| self.end_load(place, say))
                .map_err(|error| self.trouble(&error))
        });
        if done.is_ok() && self.wanted.complete && (cut || self.failed) {
            done = Err(Trouble::RolledBack("everything was rolled back, because of --complete".to_owned()));
        }
        if done.is_ok() {
            done = self.commit(out).map_err(|error| self.trouble(&error));
        }
        match &done {
            Ok(()) | Err(Trouble::Busy(_)) => {}
            Err(_) => self.roll_back(out),
        }
        done
    }

    fn abandon(&mut self, out: &mut Outcome) {
        self.roll_back(out);
    }
}
