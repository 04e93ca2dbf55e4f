//! A collection of the store during a run: loading without an index, or applying with it.

use super::duplicates;
use super::load::{self, Load, can_load};
use super::schema::{self, Entry, Refusal, quoted};
use super::unique;
use crate::batch::BatchAction;
use crate::sink::wanted::Wanted;
use crate::sink::{Bucket, Ledger, Note, Say};
use rusqlite::Connection;

/// How many actions are applied with the index in place before it is decided whether to load instead.
const PROBE: u64 = 2_000;

/// A collection, found or made on first use.
#[derive(Debug)]
pub(super) struct Collection {
    /// What the catalogue has of it.
    pub(super) entry: Entry,
    /// What is being done to it.
    pub(super) phase: Phase,
    /// Whether it has other unique indexes than that on its keys.
    pub(super) secondary: bool,
    /// Whether keys deleted a short while ago are remembered.
    pub(super) tombstones: bool,
}

/// What is being done to a collection.
#[derive(Debug)]
pub(super) enum Phase {
    /// Rows are appended; the unique index is built at the end.
    Loading(Load),
    /// The unique index stands. With a probe it may still turn out that loading is faster.
    Applying(Option<Probe>),
}

/// Counts what a large input finds in a collection, to tell whether dropping the index pays.
#[derive(Debug, Default)]
pub(super) struct Probe {
    seen: u64,
    existing: u64,
}

impl Probe {
    /// Counts an action that did or did not find its key.
    pub(super) fn count(&mut self, existed: bool) {
        self.seen += 1;
        self.existing += u64::from(existed);
    }

    /// Whether it has seen enough.
    pub(super) fn is_done(&self) -> bool {
        self.seen >= PROBE
    }
}

impl Collection {
    /// Finds or makes the collection `name`; `own` says that it is the run's, which the flags of the run concern.
    pub(super) fn open(
        connection: &Connection,
        wanted: &Wanted,
        name: &str,
        own: bool,
        edge: bool,
    ) -> Result<Collection, Refusal> {
        let mut entry = match schema::find(connection, name)? {
            Some(entry) => entry,
            None => schema::make(connection, name, own && edge)?,
        };
        if own && wanted.overwrite {
            connection.execute_batch(&format!("DELETE FROM {}", quoted(name)))?;
            connection.execute("DELETE FROM bulkimport_tombstones WHERE collection = ?1", [name])?;
        }
        if own {
            for field in &wanted.unique {
                unique::make(connection, name, field)?;
            }
        }
        let secondary = unique::any(connection, name)?;
        let tombstones: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM bulkimport_tombstones WHERE collection = ?1)",
            [name],
            |row| row.get(0),
        )?;
        let empty: bool =
            connection
                .query_row(&format!("SELECT NOT EXISTS (SELECT 1 FROM {})", quoted(name)), [], |row| row.get(0))?;
        let phase = if secondary || tombstones {
            if entry.loading {
                load::finish(connection, &mut entry, None)?;
            }
            Phase::Applying(None)
        } else if empty {
            Phase::Loading(Load::begin(connection, &mut entry)?)
        } else {
            let large = own && input_is_large(connection, wanted.inputs.text_bytes(), name)?;
            Phase::Applying(large.then(Probe::default))
        };
        Ok(Collection { entry, phase, secondary, tombstones })
    }

    /// Whether rows are being loaded.
    pub(super) fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Loading(_))
    }

    /// Begins a load where a probe has shown that it pays.
    pub(super) fn choose(&mut self, connection: &Connection, next: &BatchAction<'_>) -> rusqlite::Result<()> {
        let Phase::Applying(Some(probe)) = &self.phase else { return Ok(()) };
        if probe.is_done() {
            // A load knows nothing of the versions that deleted keys go on with.
            self.phase = if probe.existing * 20 <= probe.seen && can_load(next) && !self.tombstones {
                Phase::Loading(Load::begin(connection, &mut self.entry)?)
            } else {
                Phase::Applying(None)
            };
        }
        Ok(())
    }

    /// Ends a load, if there is one: builds the index and settles the rows whose keys repeat.
    pub(super) fn end_load(
        &mut self,
        connection: &Connection,
        files: &[String],
        out: &mut Ledger,
        say: Say<'_>,
    ) -> rusqlite::Result<()> {
        let Phase::Loading(load) = &self.phase else { return Ok(()) };
        say(Note::Doing("building the index"));
        load.save(connection, &self.entry, files)?;
        let resolved = load::finish(connection, &mut self.entry, Some(load))?;
        // Its errors count only now that the index stands: had it failed, the rows would be pending as before.
        if resolved.errors > 0 {
            duplicates::drain(connection, out)?;
        }
        out.move_created(Bucket::Updated, resolved.updated);
        out.move_created(Bucket::Ignored, resolved.ignored);
        self.phase = Phase::Applying(None);
        Ok(())
    }
}

/// Whether the input is so large beside a collection that building the index anew costs less than keeping it
/// (measured: a second million documents with the index in place took 3.3 times the first, rebuilt 1.6 times).
fn input_is_large(connection: &Connection, input: Option<u64>, name: &str) -> rusqlite::Result<bool> {
    let Some(input) = input else { return Ok(false) };
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
