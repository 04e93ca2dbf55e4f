//! The store as a sink: transactions, collections on first use, and the choice between loading and applying.

use super::apply::{Applied, Table};
use super::load::{self, Load, NewRow, append_sql, can_load};
use super::lock::StoreLock;
use super::schema::{self, Entry, Refusal, quoted};
use super::{explained, is_busy, unique};
use crate::action::Op;
use crate::batch::{Batch, BatchAction};
use crate::record::Reason;
use crate::sink::{Counts, Note, Outcome, Say, Sink, Trouble};
#[cfg(unix)]
use rusqlite::FileControl;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a store needs to know of a run.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The SQLite file.
    pub path: PathBuf,
    /// The run's collection; `None` if bulk lines name theirs.
    pub collection: Option<String>,
    /// Make an edge collection.
    pub edge: bool,
    /// Whether edge prefixes were asked for, which only an edge collection can honour.
    pub prefixes: bool,
    /// All or nothing.
    pub complete: bool,
    /// Empty the collection first.
    pub overwrite: bool,
    /// Survive a power cut too.
    pub wait_for_sync: bool,
    /// Whether a missing collection is made.
    pub create: bool,
    /// Fields on which no two documents may agree.
    pub unique: Vec<String>,
    /// Size of the input in bytes of documents, if it is known: all of it is then one transaction.
    pub input_size: Option<u64>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// How long applied records wait for their commit when the size is not known.
    pub interval: Duration,
    /// Names of the inputs, for rows whose index is not built yet.
    pub files: Arc<[String]>,
}

/// Why a store cannot be used for this run; nothing was written.
#[derive(Debug)]
pub enum Opening {
    /// The command line does not fit it (exit code 2).
    Usage(String),
    /// It is no store, or not ours to write (exit code 4).
    Refused(String),
}

/// Bytes of documents after which a run from a pipe commits.
const COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// How long SQLite waits for another program's lock, where it cannot hand control back.
const BUSY: Duration = Duration::from_secs(10);

/// How long it waits where it can: retry.rs waits on, and sees signals meanwhile.
const BUSY_BEGIN: Duration = Duration::from_millis(50);

/// SQLite's cache while the index is in place, in KiB as SQLite writes it: look-ups go to random pages.
const APPLY_CACHE: i32 = -24_576;

/// SQLite's cache during a load. Rows are appended, so it needs few pages; it also bounds what the index build sorts at a
/// time, and what fits the processor's cache sorts faster (measured: 8 MiB took 0.85 of the time of 24 MiB).
const LOAD_CACHE: i32 = -8_192;

/// How many actions are applied with the index in place before it is decided whether to load instead.
const PROBE: u64 = 2_000;

/// The embedded store.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
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

#[derive(Debug)]
struct Collection {
    entry: Entry,
    phase: Phase,
    secondary: bool,
    tombstones: bool,
}

#[derive(Debug)]
enum Phase {
    Loading(Load),
    Applying(Option<Probe>),
}

/// Counts what a large input finds in a collection, to tell whether dropping the index pays.
#[derive(Debug, Default)]
struct Probe {
    seen: u64,
    existing: u64,
}

impl Store {
    /// Waits for the store, and checks that it can take this run.
    ///
    /// # Errors
    /// See [`Opening`].
    pub fn open(options: StoreOptions, say: Say<'_>) -> Result<Store, Opening> {
        let path = options.path.clone();
        let mut take = || {
            // Under whatever name it was reached, one store has one lock.
            StoreLock::take(&path.canonicalize().unwrap_or_else(|_| path.clone()), || {
                say(Note::Warning(format!("waiting for another import into {}", path.display())));
            })
        };
        let lock = if options.dry_run { Ok(None) } else { take().map(Some) };
        let lock =
            lock.map_err(|error| Opening::Refused(format!("{}: cannot lock the store: {error}", path.display())))?;
        let mut store = Store {
            options,
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

    fn check(&mut self) -> Result<bool, Opening> {
        let options = self.options.clone();
        let mut existing = None;
        if options.path.exists() {
            let refused = |error: rusqlite::Error| Opening::Refused(explained(&options.path, &error));
            let connection = connect(&options).map_err(refused)?;
            match schema::format(&connection).map_err(refused)? {
                Some(newer) if newer > schema::FORMAT => {
                    return Err(Opening::Refused(format!(
                        "{}: the store has format {newer}, this program knows {} (a newer bulkimport made it)",
                        options.path.display(),
                        schema::FORMAT
                    )));
                }
                _ => {}
            }
            if let Some(name) = &options.collection {
                existing = schema::find(&connection, name).map_err(|refusal| match refusal {
                    Refusal::Sqlite(error) => refused(error),
                    Refusal::Name(reason) => Opening::Usage(reason.text),
                })?;
            }
            if !options.dry_run && connection.is_readonly("main").map_err(refused)? {
                return Err(Opening::Refused(format!("{}: may not be written", options.path.display())));
            }
            self.connection = Some(connection);
        }
        let name = options.collection.unwrap_or_default();
        match existing {
            None if !options.create => Err(Opening::Usage(format!(
                "collection {name:?} does not exist, and --create-collection=false was given"
            ))),
            Some(entry) if options.edge && !entry.edge => {
                Err(Opening::Usage(format!("--edge: collection {name:?} exists and holds documents")))
            }
            entry => {
                let edge = entry.map_or(options.edge, |entry| entry.edge);
                if options.prefixes && !edge {
                    return Err(Opening::Usage(format!(
                        "prefixes need an edge collection: add --edge to make {name:?} one"
                    )));
                }
                Ok(edge)
            }
        }
    }

    fn trouble(&self, error: &rusqlite::Error) -> Trouble {
        Trouble::Stopped(explained(&self.options.path, error))
    }

    /// Opens the file if need be and begins a transaction.
    fn begin(&mut self, say: Say<'_>) -> Result<(), Trouble> {
        if self.in_transaction {
            return Ok(());
        }
        if self.connection.is_none() {
            let connection = connect(&self.options).map_err(|error| self.trouble(&error))?;
            self.connection = Some(connection);
        }
        let Some(connection) = &self.connection else { return Ok(()) };
        // Exclusive, so that readers are waited for here: one that comes into a transaction makes SQLite wait again for every
        // page that its cache has no room for.
        let begun = connection.busy_timeout(BUSY_BEGIN).and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"));
        match begun {
            Err(error) if is_busy(&error) => {
                let why = explained(&self.options.path, &error);
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
            let Ok(Some(mut entry)) = schema::find(connection, &name) else { continue };
            let resolved = load::finish(connection, &mut entry, None, &mut Outcome::default())?;
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
        let name = if own { self.options.collection.clone().unwrap_or_default() } else { name.to_owned() };
        if let Some(place) = self.collections.iter().position(|collection| collection.entry.name == name) {
            return Ok(place);
        }
        let Some(connection) = &self.connection else { return Err(Refusal::Sqlite(rusqlite::Error::InvalidQuery)) };
        let mut entry = match schema::find(connection, &name)? {
            Some(entry) => entry,
            None => schema::make(connection, &name, own && self.edge)?,
        };
        if own && self.options.overwrite {
            connection.execute_batch(&format!("DELETE FROM {}", quoted(&name)))?;
            connection.execute("DELETE FROM bulkimport_tombstones WHERE collection = ?1", [&name])?;
        }
        if own {
            for field in &self.options.unique {
                unique::make(connection, &name, field)?;
            }
        }
        let secondary = unique::any(connection, &name)?;
        let tombstones: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM bulkimport_tombstones WHERE collection = ?1)",
            [&name],
            |row| row.get(0),
        )?;
        let empty: bool =
            connection
                .query_row(&format!("SELECT NOT EXISTS (SELECT 1 FROM {})", quoted(&name)), [], |row| row.get(0))?;
        let phase = if secondary || tombstones {
            if entry.loading {
                load::finish(connection, &mut entry, None, &mut Outcome::default())?;
            }
            Phase::Applying(None)
        } else if empty {
            Phase::Loading(Load::begin(connection, &mut entry)?)
        } else {
            let large = own && self.input_is_large(connection, &name)?;
            Phase::Applying(large.then(Probe::default))
        };
        self.collections.push(Collection { entry, phase, secondary, tombstones });
        self.size_cache()?;
        Ok(self.collections.len() - 1)
    }

    /// Whether the input is so large beside a collection that building the index anew costs less than keeping it
    /// (measured: a second million documents with the index in place took 3.3 times the first, rebuilt 1.6 times).
    fn input_is_large(&self, connection: &Connection, name: &str) -> rusqlite::Result<bool> {
        let Some(input) = self.options.input_size else { return Ok(false) };
        let table = quoted(name);
        let (rows, bytes): (f64, f64) = connection.query_row(
            &format!(
                "SELECT (SELECT max(rowid) - min(rowid) + 1 FROM {table}),
                        (SELECT avg(length(CAST(doc AS BLOB))) FROM (SELECT doc FROM {table} LIMIT 1000))"
            ),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(input as f64 > rows * bytes * 0.5)
    }

    /// Applies the actions of a batch from the `at`-th on that go to one collection in one way; returns where it stopped.
    fn stretch(&mut self, batch: &Batch, at: usize, out: &mut Outcome, say: Say<'_>) -> Result<usize, Failed> {
        let Some((_, Ok(first))) = batch.items_from(at).next() else { return Ok(at) };
        let place = match self.collection(first.collection) {
            Ok(place) => place,
            Err(Refusal::Name(reason)) => return Ok(refuse(batch, at, first.collection, &reason, out)),
            Err(Refusal::Sqlite(error)) => return Err(Failed { at, error }),
        };
        self.choose(place, first.op, out, say).map_err(|error| Failed { at, error })?;
        let Some(connection) = &self.connection else { return Ok(at) };
        let collection = &mut self.collections[place];
        let mut stretch = Stretch {
            batch,
            at,
            collection: first.collection,
            pending: &mut self.pending,
            bytes: &mut self.pending_bytes,
        };
        let done = match &mut collection.phase {
            Phase::Loading(load) => stretch.load(connection, load, &mut collection.entry, &self.options.files, out),
            Phase::Applying(probe) => {
                let name = collection.entry.name.clone();
                Table::new(connection, &name, collection.secondary, &mut collection.tombstones)
                    .and_then(|table| stretch.apply(table, &mut collection.entry, probe, out))
            }
        };
        let at = stretch.at;
        done.map_err(|error| Failed { at, error })?;
        Ok(at)
    }

    /// Ends a load that the next action cannot be part of, or begins one where it pays.
    fn choose(&mut self, place: usize, op: Op, out: &mut Outcome, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let collection = &mut self.collections[place];
        match &collection.phase {
            Phase::Loading(_) if !can_load(op) => self.end_load(place, out, say),
            Phase::Applying(Some(probe)) if probe.seen >= PROBE => {
                collection.phase = if probe.existing * 20 <= probe.seen && can_load(op) {
                    Phase::Loading(Load::begin(connection, &mut collection.entry)?)
                } else {
                    Phase::Applying(None)
                };
                self.size_cache()
            }
            _ => Ok(()),
        }
    }

    /// Sizes SQLite's cache for what most collections are about to do.
    fn size_cache(&self) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let loading = self.collections.iter().all(|collection| matches!(collection.phase, Phase::Loading(_)));
        let size = if loading { LOAD_CACHE } else { APPLY_CACHE };
        connection.execute_batch(&format!("PRAGMA cache_size = {size}"))
    }

    fn end_load(&mut self, place: usize, out: &mut Outcome, say: Say<'_>) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let collection = &mut self.collections[place];
        let Phase::Loading(load) = &collection.phase else { return Ok(()) };
        say(Note::Doing("building the index"));
        load.save(connection, &collection.entry, &self.options.files)?;
        // Its errors count only once the index stands: if it does not, the rows are pending as before.
        let mut found = Outcome::default();
        let resolved = load::finish(connection, &mut collection.entry, load.repeats(), &mut found)?;
        out.absorb(found);
        collection.phase = Phase::Applying(None);
        self.pending.created -= resolved.removed();
        self.pending.updated += resolved.updated;
        self.pending.ignored += resolved.ignored;
        self.failed |= resolved.errors > 0;
        self.size_cache()
    }

    fn commit(&mut self, out: &mut Outcome) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        if !self.in_transaction {
            return Ok(());
        }
        let mut loading = false;
        for collection in &self.collections {
            if let Phase::Loading(load) = &collection.phase {
                load.save(connection, &collection.entry, &self.options.files)?;
                loading = true;
            }
            schema::save(connection, &collection.entry)?;
        }
        if has_moved(connection)? {
            return Err(rusqlite::Error::InvalidPath(self.options.path.clone()));
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
            Ok(action) if action.collection == collection => out.fail(item.origin, reason.clone()),
            _ => break,
        }
        end += 1;
    }
    end
}

/// Actions of a batch that go the same way.
struct Stretch<'b> {
    batch: &'b Batch,
    at: usize,
    collection: &'b str,
    pending: &'b mut Counts,
    bytes: &'b mut usize,
}

impl Stretch<'_> {
    fn load(
        &mut self,
        connection: &Connection,
        load: &mut Load,
        entry: &mut Entry,
        files: &[String],
        out: &mut Outcome,
    ) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(&append_sql(&entry.name))?;
        for (item, action) in self.batch.items_from(self.at) {
            match action {
                Err(reason) => out.fail(item.origin, reason.clone()),
                Ok(action) if action.collection != self.collection || !can_load(action.op) => return Ok(()),
                Ok(action) => {
                    let BatchAction { op, key, doc, .. } = action;
                    let row = NewRow { op, origin: item.origin, key, doc, repeats: item.repeats };
                    load.append(connection, entry, &mut insert, row, files)?;
                    self.pending.created += 1;
                    *self.bytes += action.doc.len();
                }
            }
            self.at += 1;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        mut table: Table<'_>,
        entry: &mut Entry,
        probe: &mut Option<Probe>,
        out: &mut Outcome,
    ) -> rusqlite::Result<()> {
        for (item, action) in self.batch.items_from(self.at) {
            match action {
                Err(reason) => out.fail(item.origin, reason.clone()),
                Ok(action) if action.collection != self.collection => return Ok(()),
                Ok(action) => {
                    if probe.as_ref().is_some_and(|probe| probe.seen >= PROBE) {
                        return Ok(());
                    }
                    *self.bytes += action.doc.len();
                    self.apply_one(&mut table, entry, probe, &action, item.origin, out)?;
                }
            }
            self.at += 1;
        }
        Ok(())
    }

    fn apply_one(
        &mut self,
        table: &mut Table<'_>,
        entry: &mut Entry,
        probe: &mut Option<Probe>,
        action: &BatchAction<'_>,
        origin: crate::record::Origin,
        out: &mut Outcome,
    ) -> rusqlite::Result<()> {
        let applied = table.apply(entry, action)?;
        if let Some(probe) = probe {
            probe.seen += 1;
            probe.existing += u64::from(!matches!(applied, Ok(Applied::Created)));
        }
        match applied {
            Ok(applied) => applied.count(self.pending),
            Err(reason) => out.fail(origin, reason),
        }
        Ok(())
    }
}

/// Whether the file behind the connection is no longer the one under its name: what is committed to a file that was
/// removed or replaced meanwhile is lost.
#[cfg(unix)]
fn has_moved(connection: &Connection) -> rusqlite::Result<bool> {
    let mut moved = 0;
    connection.file_control(None::<&str>, FileControl::HasMoved(&mut moved))?;
    Ok(moved != 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn has_moved(_: &Connection) -> rusqlite::Result<bool> {
    Ok(false)
}

fn connect(options: &StoreOptions) -> rusqlite::Result<Connection> {
    let new = !options.path.exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(BUSY)?;
    if new {
        // Measured beside 4 KB pages: larger ones make a load faster, and look-ups of random keys slower. 8 KB take 0.87
        // of the time for a load and 1.08 for an update; 16 KB take 0.85 and 1.28.
        connection.execute_batch("PRAGMA page_size = 8192")?;
    }
    // A second thread sorts while the first one reads, when an index is built.
    // The operating system keeps what a killed process wrote; only a power cut needs more.
    let synchronous = if options.wait_for_sync { "FULL" } else { "OFF" };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = {APPLY_CACHE}; PRAGMA threads = 1"
    ))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Reads the header, so that a file that is no database is told now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

impl Sink for Store {
    fn apply(&mut self, batch: &Batch, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble> {
        let errors = out.counts().errors;
        let acts = batch.items().any(|(_, action)| action.is_ok());
        if acts {
            match self.begin(say) {
                Err(Trouble::Busy(reason)) => return Err(Trouble::Busy(reason)),
                Err(trouble) => {
                    self.roll_back(out);
                    abandon(batch, 0, out);
                    return Err(trouble);
                }
                Ok(()) => {}
            }
        }
        let mut at = 0;
        while at < batch.len() {
            // A record that had failed before it came here is passed on; the others go in stretches.
            if let Some((item, Err(reason))) = batch.items_from(at).next() {
                out.fail(item.origin, reason.clone());
                at += 1;
                continue;
            }
            match self.stretch(batch, at, out, say) {
                Ok(next) => at = next,
                Err(failed) => {
                    let trouble = self.trouble(&failed.error);
                    self.roll_back(out);
                    abandon(batch, failed.at, out);
                    return Err(trouble);
                }
            }
        }
        self.failed |= out.counts().errors > errors;
        let wait = self.options.complete || self.options.input_size.is_some();
        if !wait && (self.pending_bytes >= COMMIT_BYTES || self.last_commit.elapsed() >= self.options.interval) {
            return self.rest(out, say);
        }
        Ok(())
    }

    fn rest(&mut self, out: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        if self.options.complete || self.options.input_size.is_some() {
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
            if self.options.complete && (cut || self.failed) {
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
                .try_for_each(|place| self.end_load(place, out, say))
                .map_err(|error| self.trouble(&error))
        });
        if done.is_ok() && self.options.complete && (cut || self.failed) {
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

/// Settles what is left of a batch when the store has failed: nothing of it was applied.
fn abandon(batch: &Batch, at: usize, out: &mut Outcome) {
    for (item, action) in batch.items_from(at) {
        match action {
            Err(reason) => out.fail(item.origin, reason.clone()),
            Ok(_) => out.settle(Counts { unsent: 1, ..Counts::default() }),
        }
    }
}
