//! The collections of the store during a run, each loading without an index or applying with it.

use super::apply::Table;
use super::bulk::{self, Memory};
use super::database::{APPLY_CACHE, LOAD_CACHE, SORT_CACHE, size_cache};
use super::item::Done;
use super::load::{self, Load, Loader, can_load};
use super::schema::{self, Entry, Refusal, quoted};
use super::sorted::Group;
use super::traits::Traits;
use super::{duplicates, unique, value};
use crate::action::Op;
use crate::batch::{Batch, BatchAction, BatchItem};
use crate::sink::bulk_api::{field, verb};
use crate::sink::wanted::Wanted;
use crate::sink::{Bucket, Counts, Ledger, Log, Note};
use rusqlite::Connection;

/// How many actions are applied with the index in place before it is decided whether to load instead.
const PROBE: u64 = 2_000;

/// A collection, found or made on first use.
#[derive(Debug)]
pub(super) struct Collection {
    /// What the catalogue has of it.
    entry: Entry,
    /// Its index among those of the run; 0 if a bulk line names it.
    pub(super) number: usize,
    phase: Phase,
    /// Whether the raw text of records is wanted.
    keeps_raw: bool,
    traits: Traits,
    /// What bulk lines use again.
    memory: Memory,
}

/// What is being done to a collection.
#[derive(Debug)]
enum Phase {
    /// Rows are appended; the unique index is built at the end.
    Loading(Load),
    /// The unique index stands. With a probe it may still turn out that loading is faster.
    Applying(Option<Probe>),
}

/// Counts what a large input finds in a collection, to tell whether dropping the index pays.
#[derive(Debug, Default)]
struct Probe {
    seen: u64,
    existing: u64,
}

/// The collections that a run has used so far.
#[derive(Debug)]
pub(super) struct Collections {
    pub(super) all: Vec<Collection>,
    wanted: Wanted,
    /// Whether each collection of the run holds edges.
    edges: Vec<bool>,
    /// Collections that this run has used before it was interrupted.
    pub(super) resumed: Vec<String>,
}

impl Collections {
    pub(super) fn new(wanted: Wanted, edges: Vec<bool>, resumed: Vec<String>) -> Collections {
        Collections { all: Vec::new(), wanted, edges, resumed }
    }

    /// Opens the collections that the run has used before it was interrupted, so that their loads end.
    pub(super) fn reopen(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for entry in schema::interrupted(connection)? {
            let is_open = self.all.iter().any(|collection| collection.entry.name == entry.name);
            if is_open || !self.resumed.contains(&entry.name) {
                continue;
            }
            let number = self.wanted.collections.iter().position(|other| *other == entry.name);
            match Collection::open(connection, &self.wanted, &entry.name, number, (&self.edges, &self.resumed)) {
                Ok(collection) => self.all.push(collection),
                Err(Refusal::Sqlite(error)) => return Err(error),
                Err(Refusal::Name(_) | Refusal::Missing(_)) => {}
            }
        }
        Ok(())
    }

    /// The names of those that were used in this try.
    pub(super) fn names(&self) -> Vec<String> {
        self.all.iter().map(|collection| collection.entry.name.clone()).collect()
    }

    /// The collection that the action at an index goes to, found or made on first use, and ready for it.
    pub(super) fn of(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        at: usize,
        out: &mut Ledger,
        log: Log<'_>,
    ) -> Result<&mut Collection, Refusal> {
        let action = batch.action(at);
        let is_named = !action.collection.is_empty();
        let name = if is_named { action.collection } else { self.wanted.collection.as_deref().unwrap_or_default() };
        let found = self.all.iter().position(|collection| collection.entry.name == name);
        let index = found.unwrap_or(self.all.len());
        if found.is_none() {
            // A delete makes no collection, but for one with an external version (contract of the bulk API, 2.4).
            let is_delete = action.op == Op::Delete && is_named && field(action.head, "version_type").is_none();
            if is_delete && schema::find(connection, name)?.is_none() {
                return Err(Refusal::Missing(name.to_owned()));
            }
            let own = !is_named || self.wanted.has_several_collections();
            let number = self.wanted.collections.iter().position(|other| other == name).filter(|_| own);
            self.all.push(Collection::open(connection, &self.wanted, name, number, (&self.edges, &self.resumed))?);
        }
        let was_loading = self.all[index].is_loading();
        self.all[index].prepare(connection, (batch.item(at), &action), out, log)?;
        if found.is_none() || was_loading != self.all[index].is_loading() {
            let loading = self.all.iter().all(Collection::is_loading);
            // What the first batch reads on its own would otherwise be added to what is held later.
            let sorting = !batch.has_lines() && self.all.iter().all(|collection| collection.traits.can_sort());
            let applying = if sorting { SORT_CACHE } else { APPLY_CACHE };
            size_cache(connection, if loading { LOAD_CACHE } else { applying })?;
        }
        Ok(&mut self.all[index])
    }

    /// Writes down what is known of the collections; before every commit.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        for collection in &self.all {
            if let Phase::Loading(load) = &collection.phase {
                load.save(connection, &collection.entry)?;
            }
            schema::save(connection, &collection.entry)?;
        }
        Ok(())
    }

    /// The index of the collection that all actions of a batch go to, if they can be applied together with others.
    pub(super) fn sorting(&self, batch: &Batch) -> Option<usize> {
        let name = batch.action(0).collection;
        let is_one = !batch.names_collections() || batch.actions_from(1).all(|(_, action)| action.collection == name);
        let name = if name.is_empty() { self.wanted.collection.as_deref().unwrap_or_default() } else { name };
        let index = self.all.iter().position(|collection| collection.entry.name == name)?;
        (is_one && !batch.has_lines() && self.all[index].can_sort()).then_some(index)
    }

    /// Applies and settles batches for which `sorting` returned this index.
    pub(super) fn apply_sorted(
        &mut self,
        index: usize,
        connection: &Connection,
        batches: &[Batch],
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        let Collection { entry, traits, number, .. } = &mut self.all[index];
        let mut group = Group::new(batches);
        group.apply(&mut Table::new(connection, entry, traits)?)?;
        let selected = out.selected();
        out.select(*number);
        group.settle(out);
        out.select(selected);
        Ok(())
    }

    /// Whether rows are being loaded whose index is not built.
    pub(super) fn is_any_loading(&self) -> bool {
        self.all.iter().any(Collection::is_loading)
    }
}

impl Collection {
    /// Finds or makes the collection `name`. `number` is its index among those of the run, to which the flags of the run
    /// apply; none if a bulk line names it.
    fn open(
        connection: &Connection,
        wanted: &Wanted,
        name: &str,
        number: Option<usize>,
        (edges, resumed): (&[bool], &[String]),
    ) -> Result<Collection, Refusal> {
        let own = number.is_some();
        // An earlier try of this run has emptied it, and may have begun to load it.
        let is_resumed = resumed.iter().any(|other| other == name);
        let mut entry = match schema::find(connection, name)? {
            Some(entry) => entry,
            None => schema::make(connection, name, number.is_some_and(|number| edges[number]))?,
        };
        if own && wanted.overwrite && !is_resumed {
            connection.execute_batch(&format!("DELETE FROM {}", quoted(name)))?;
            connection.execute("DELETE FROM bulkimport_tombstones WHERE collection = ?1", [name])?;
            if value(connection, &format!("SELECT EXISTS (SELECT 1 FROM {})", quoted(name)), [])? {
                return Err(Refusal::kept(name));
            }
        }
        for field in wanted.unique.iter().filter(|_| own) {
            unique::make(connection, name, field)?;
        }
        let traits = Traits::of(connection, name, wanted.results.is_some())?;
        // After a restart, the raw text of records that a load finds to be duplicates would be gone.
        let forgets_raw = wanted.rejects.is_some() && wanted.restart.is_journaled;
        let phase = if forgets_raw || !traits.can_load() {
            if entry.loading {
                load::finish(connection, &mut entry, None)?;
            }
            Phase::Applying(None)
        } else if is_resumed && entry.loading {
            Phase::Loading(Load::resume())
        } else if value(connection, &format!("SELECT NOT EXISTS (SELECT 1 FROM {})", quoted(name)), [])? {
            Phase::Loading(Load::begin(connection, &mut entry, true, wanted.rejects.is_some())?)
        } else {
            let large = own && load::pays(connection, wanted.inputs.text_bytes(), name)?;
            Phase::Applying(large.then(Probe::default))
        };
        let (number, memory) = (number.unwrap_or_default(), Memory::default());
        Ok(Collection { entry, number, phase, keeps_raw: wanted.rejects.is_some(), traits, memory })
    }

    fn can_sort(&self) -> bool {
        matches!(self.phase, Phase::Applying(None)) && self.traits.can_sort()
    }

    fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Loading(_))
    }

    /// Ends a load that the next action cannot be part of, or begins one where a probe has shown that it pays.
    fn prepare(
        &mut self,
        connection: &Connection,
        (item, next): (&BatchItem, &BatchAction<'_>),
        out: &mut Ledger,
        log: Log<'_>,
    ) -> rusqlite::Result<()> {
        match &self.phase {
            Phase::Loading(load)
                if load.has_many_repeats() || loaded_version(load, item, next, &mut self.memory).is_none() =>
            {
                self.end_load(connection, out, log)?;
            }
            Phase::Applying(Some(probe)) if probe.seen >= PROBE => {
                // A load knows nothing of the versions that deleted keys go on with.
                let Traits { tombstones, routed, .. } = self.traits;
                let pays = probe.existing * 20 <= probe.seen && can_load(next) && !tombstones && !routed;
                self.phase = Phase::Applying(None);
                if pays {
                    self.phase = Phase::Loading(Load::begin(connection, &mut self.entry, false, self.keeps_raw)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Applies the actions of a batch from the `at`-th on that go to this collection in the same way, and moves `at` behind
    /// them.
    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        at: &mut usize,
        out: &mut Ledger,
    ) -> rusqlite::Result<()> {
        let name = batch.action(*at).collection;
        let actions = batch.actions_from(*at).take_while(|(_, action)| action.collection == name);
        match &mut self.phase {
            Phase::Loading(load) => {
                let mut loader = Loader::new(connection, &mut self.entry, load)?;
                let mut counts = Counts::default();
                let append = || -> rusqlite::Result<()> {
                    for (item, action) in actions {
                        let Some(version) = loaded_version(loader.load(), item, &action, &mut self.memory) else {
                            break;
                        };
                        match loader.append(&action, version, item.origin, item.repeats)? {
                            Ok(bucket) => {
                                counts[bucket] += 1;
                                if let Some(raw) = batch.raw_apart(*at) {
                                    loader.keep_raw(&raw)?;
                                }
                            }
                            Err(reason) => {
                                out.tried(1);
                                out.settle(batch, *at, Bucket::Error, Some(reason), None);
                            }
                        }
                        *at += 1;
                    }
                    Ok(())
                };
                let appended = append();
                out.settle_counts(name, counts);
                appended?;
            }
            Phase::Applying(probe) => {
                let has_triggers = self.traits.triggers;
                let mut table = Table::new(connection, &mut self.entry, &mut self.traits)?;
                let left = probe.as_ref().map_or(usize::MAX, |probe| (PROBE - probe.seen) as usize);
                for (item, action) in actions.take(left) {
                    let done = match action.is_line {
                        true => bulk::apply(&mut table, &action, item.origin.line, &mut self.memory)?,
                        false => table.apply(&action)?,
                    };
                    let done = if has_triggers { table.verified(action.key, done)? } else { done };
                    if let Some(probe) = probe {
                        probe.seen += 1;
                        probe.existing += u64::from(!done.is_created());
                    }
                    settle(done, batch, *at, table.name(), out);
                    *at += 1;
                }
            }
        }
        Ok(())
    }

    /// Ends a load, if there is one: builds the index and settles the rows whose keys repeat.
    pub(super) fn end_load(&mut self, connection: &Connection, out: &mut Ledger, log: Log<'_>) -> rusqlite::Result<()> {
        let Phase::Loading(load) = &self.phase else { return Ok(()) };
        log(Note::Doing("building the index"));
        load.save(connection, &self.entry)?;
        let gone = load::finish(connection, &mut self.entry, Some(load))?;
        // Its errors count only now that the index stands: had it failed, the rows would be pending as before.
        let name = &self.entry.name;
        duplicates::report(connection, name, out)?;
        out.move_created(name, Bucket::Updated, gone[Bucket::Updated]);
        out.move_created(name, Bucket::Ignored, gone[Bucket::Ignored]);
        self.phase = Phase::Applying(None);
        Ok(())
    }
}

/// The version with which an action is appended to a load; none if it is to be applied with the index in place.
fn loaded_version(load: &Load, item: &BatchItem, action: &BatchAction<'_>, memory: &mut Memory) -> Option<i64> {
    if !action.is_line {
        return can_load(action).then_some(1);
    }
    if load.is_new(item.repeats) { bulk::version_if_new(action, item.origin.line, memory) } else { None }
}

/// Settles an action, with its item if that is asked for.
pub(super) fn settle(mut done: Done, batch: &Batch, at: usize, collection: &str, out: &mut Ledger) {
    let details = out.wants_results().then(|| done.details(verb(batch.key(at).1), collection));
    match done {
        Done::Written(written) => out.settle(batch, at, written.bucket, None, details),
        Done::Failed { bucket: Bucket::Error, reason, .. } => {
            out.tried(1);
            out.settle(batch, at, Bucket::Error, Some(reason), details);
        }
        Done::Failed { bucket, .. } => out.settle(batch, at, bucket, None, details),
    }
}
