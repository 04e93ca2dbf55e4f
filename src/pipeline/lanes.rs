//! Distributes actions to the lanes. The key selects the lane, so that actions on the same key stay in order. An action
//! without a key goes to the lane of its ordinal.
//! The first batch goes to the first lane, in the order of the input, and the other lanes wait for it. So an input that fits
//! in one request is one request, and the fields of a new collection get the types of its first records. When a bulk line
//! names a new collection later, another such lead batch starts.

use crate::action::Action;
use crate::batch::{Batch, Batcher};
use crate::key_filter::{self, KeyFilter};
use crate::record::{BadRecord, Record};
use crate::stop::Stop;
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

/// A batch for a lane.
pub(super) struct Job {
    pub(super) batch: Batch,
    /// The collection of its records, as an index among those of the run.
    pub(super) collection: usize,
    /// Whether it must not be sent, because earlier actions were not sent either.
    pub(super) leave_unsent: bool,
}

/// A lane as the reading thread sees it.
pub(super) struct LaneEnd {
    pub(super) batcher: Batcher,
    pub(super) jobs: SyncSender<Job>,
    /// A batch with more bytes is one long record.
    pub(super) long: usize,
    /// Whether such a batch may be in flight.
    pub(super) has_long: bool,
    /// Batches that the lane has finished.
    pub(super) free: Receiver<Batch>,
    /// Number of batches that it has not finished.
    pub(super) in_flight: usize,
    pub(super) spare: Vec<Batch>,
}

impl LaneEnd {
    /// Sends the current batch. A lane never ends before its channel is closed.
    fn send(&mut self, key_filter: Option<&mut KeyFilter>, collection: usize, leave_unsent: bool) {
        if self.batcher.is_empty() {
            return;
        }
        while let Ok(batch) = self.free.try_recv() {
            self.reuse(batch);
        }
        let next = self.spare.pop().unwrap_or_default();
        let is_long = self.is_long();
        self.in_flight += 1;
        let batch = self.batcher.take(next, key_filter);
        self.has_long |= is_long;
        let _ = self.jobs.send(Job { batch, collection, leave_unsent });
    }

    /// Whether the current batch is one long record.
    fn is_long(&self) -> bool {
        self.batcher.bytes() > self.long
    }

    /// Waits until all batches that were sent are settled.
    fn wait(&mut self) {
        while self.in_flight > 0 {
            let Ok(batch) = self.free.recv() else { return };
            self.reuse(batch);
        }
        self.has_long = false;
    }

    fn reuse(&mut self, batch: Batch) {
        self.in_flight -= 1;
        self.spare.push(batch);
    }
}

/// What a lead batch waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Nothing: it is the first batch of the run.
    First,
    /// All batches that were sent before.
    Later,
}

/// Maximum number of collections that are remembered. More do not start lead batches, which are slow.
const MAX_COLLECTIONS: usize = 1 << 12;

/// All lanes, as the reading thread sees them.
pub(super) struct Lanes {
    ends: Vec<LaneEnd>,
    key_filter: Option<KeyFilter>,
    stop: Stop,
    /// The collection of the next records, as an index among those of the run.
    collection: usize,
    /// While it is set, everything goes to the first lane.
    lead: Option<Lead>,
    /// Hashes of the collections that were named.
    collections: HashSet<u64>,
    /// The collection that was named last.
    last: Option<String>,
}

impl Lanes {
    /// Starts with a lead batch, if there is more than one lane.
    pub(super) fn new(ends: Vec<LaneEnd>, key_filter: Option<KeyFilter>, stop: Stop) -> Lanes {
        let lead = (ends.len() > 1).then_some(Lead::First);
        Lanes { ends, key_filter, stop, collection: 0, lead, collections: HashSet::new(), last: None }
    }

    /// Sets the collection of the next records. A batch has those of one collection.
    pub(super) fn expect_collection(&mut self, collection: usize) {
        if self.collection != collection {
            self.end();
            self.collection = collection;
        }
    }

    /// Sets whether the next records are single lines.
    pub(super) fn expect_lines(&mut self, are_lines: bool) {
        self.ends.iter_mut().for_each(|end| end.batcher.expect_lines(are_lines));
    }

    /// Adds an action.
    pub(super) fn push(&mut self, record: &Record<'_>, action: &Action<'_>, ordinal: u64) {
        if self.ends.len() > 1 && !self.was_last(action.collection) {
            self.note_collection(action.collection);
        }
        let lanes = self.ends.len() as u64;
        let (hash, home) = match action.key_text() {
            "" => (0, ordinal % lanes),
            key => {
                let hash = key_filter::hash(key);
                // The key filter uses the upper bits, so these are the lower ones. A multiplication is faster than `%`.
                (hash, (u64::from(hash as u32) * lanes) >> 32)
            }
        };
        let mut lane = self.lane(home);
        if self.ends[lane].batcher.must_flush_before(ordinal, action.bytes(), hash) {
            self.send(lane);
            lane = self.lane(home);
        }
        let end = &mut self.ends[lane];
        // The reader still has a long record: see `settle_long`.
        if end.batcher.push(record, ordinal, action, hash) && !end.is_long() {
            self.send(lane);
        }
    }

    /// Adds a record that already failed.
    pub(super) fn reject(&mut self, bad: BadRecord<'_>, ordinal: u64) {
        let lane = self.lane(ordinal % self.ends.len() as u64);
        if self.ends[lane].batcher.reject(bad) {
            self.send(lane);
        }
    }

    /// Sends batches that have waited for the maximum time.
    pub(super) fn send_due(&mut self, now: Instant) {
        for lane in 0..self.ends.len() {
            if self.ends[lane].batcher.is_due(now) && !self.ends[lane].is_long() {
                self.send(lane);
            }
        }
    }

    /// Sends long records, and waits until they are settled. The reader calls it when it has freed its own copy and not read
    /// on yet, so that memory never holds more than one of them.
    pub(super) fn settle_long(&mut self) {
        for lane in 0..self.ends.len() {
            if self.ends[lane].is_long() {
                self.send(lane);
            }
        }
        self.ends.iter_mut().filter(|end| end.has_long).for_each(LaneEnd::wait);
    }

    /// Sends the remaining batches. No lane has to wait for a lead batch any more.
    pub(super) fn end(&mut self) {
        match self.lead {
            Some(Lead::Later) => self.send(0),
            _ => self.send_all(),
        }
    }

    /// The lane `home`, or the first one during a lead batch.
    fn lane(&self, home: u64) -> usize {
        if self.lead.is_some() { 0 } else { home as usize }
    }

    /// Whether this collection was named last.
    fn was_last(&self, name: &str) -> bool {
        match &self.last {
            // Usually both are empty. Comparing lengths first is faster: in some C libraries the comparison of zero bytes is
            // a masked load from an unmapped address (measured: 15 % of the time of the reading thread).
            Some(last) if name.is_empty() => last.is_empty(),
            last => last.as_deref() == Some(name),
        }
    }

    /// Remembers a collection. A new one starts a lead batch, after everything else is sent.
    fn note_collection(&mut self, name: &str) {
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(name);
        let is_new = self.collections.len() < MAX_COLLECTIONS && self.collections.insert(key_filter::hash(name));
        if is_new && self.lead.is_none() {
            self.send_all();
            self.lead = Some(Lead::Later);
        }
    }

    fn send_all(&mut self) {
        self.ends.iter_mut().for_each(|end| end.send(self.key_filter.as_mut(), self.collection, false));
    }

    fn send(&mut self, lane: usize) {
        let Some(lead) = self.lead else {
            return self.ends[lane].send(self.key_filter.as_mut(), self.collection, false);
        };
        if lead == Lead::Later {
            self.ends.iter_mut().for_each(LaneEnd::wait);
        }
        // A lane that was stopped may not have sent earlier actions on keys of this lead batch.
        let leave_unsent = lead == Lead::Later && self.stop.is_requested();
        self.ends[0].send(self.key_filter.as_mut(), self.collection, leave_unsent);
        self.ends[0].wait();
        // The same applies to everything after a lead batch.
        self.lead = self.stop.is_requested().then_some(Lead::Later);
        let lanes = self.ends.len();
        self.ends.iter_mut().enumerate().for_each(|(lane, end)| end.batcher.stagger(lane, lanes));
    }
}
