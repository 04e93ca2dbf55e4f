//! Distributes actions to the lanes. The key selects the lane, so that actions on the same key stay in order. An action
//! without a key goes to the lane of its ordinal.
//! The first batch goes to the first lane, in the order of the input, and the other lanes wait for it. So an input that fits
//! in one request is one request, and the fields of a new collection get the types of its first records. When a bulk line
//! names a new collection later, another such lead batch starts.

use super::catchup::{Catchup, Step, extended};
use super::job::Job;
use crate::action::Action;
use crate::batch::{Batch, Batcher};
use crate::journal::Mark;
use crate::key_filter::{self, KeyFilter};
use crate::record::{BadRecord, Record};
use crate::stop::Stop;
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

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
    /// Keys of actions that earlier tries have settled, since the last batch.
    pub(super) skipped: Vec<u64>,
}

impl LaneEnd {
    /// Takes the current batch, if there is one.
    fn take(
        &mut self,
        key_filter: Option<&mut KeyFilter>,
        (collection, leave_unsent): (usize, bool),
        mark: Mark,
    ) -> Option<Job> {
        if self.batcher.is_empty() {
            return None;
        }
        while let Ok(batch) = self.free.try_recv() {
            self.reuse(batch);
        }
        let next = self.spare.pop().unwrap_or_default();
        let batch = self.batcher.take(next, key_filter);
        let skipped = std::mem::take(&mut self.skipped);
        Some(Job { batch, collection, leave_unsent, mark, skipped })
    }

    /// Sends a batch. A lane never ends before its channel is closed.
    fn send(&mut self, job: Job) {
        self.in_flight += 1;
        self.has_long |= job.batch.bytes() > self.long;
        let _ = self.jobs.send(job);
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
    /// The ordinal of the next record.
    next: u64,
    /// With a journal, the digest of the input before it.
    pub(super) digest: u64,
    /// What is left to do of what earlier tries did.
    pub(super) catchup: Option<Catchup>,
    /// The number of records that were passed over.
    pub(super) passed_over: u64,
}

/// Keys of settled actions that a lane is given at a time.
const MAX_SKIPPED: usize = 1 << 15;

impl Lanes {
    /// Starts with a lead batch, if there is more than one lane.
    pub(super) fn new(ends: Vec<LaneEnd>, key_filter: Option<KeyFilter>, stop: Stop) -> Lanes {
        let lead = (ends.len() > 1).then_some(Lead::First);
        let (collections, last) = (HashSet::new(), None);
        let (next, digest, catchup, passed_over) = (0, 0, None, 0);
        Lanes { ends, key_filter, stop, collection: 0, lead, collections, last, next, digest, catchup, passed_over }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Goes on with what earlier tries did, from the record of the ordinal `first` on.
    pub(super) fn catch_up(&mut self, catchup: Option<Catchup>, first: u64) {
        self.next = first;
        if catchup.as_ref().is_some_and(|catchup| !catchup.needs_lead(first)) {
            self.lead = None;
        }
        self.catchup = catchup;
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
    pub(super) fn push(&mut self, record: &Record<'_>, action: &Action<'_>, digest: u64) {
        let ordinal = self.next;
        let lanes = self.ends.len() as u64;
        let (hash, home) = match action.key_text() {
            "" => (0, ordinal % lanes),
            key => {
                let hash = key_filter::hash(key);
                // The key filter uses the upper bits, so these are the lower ones. A multiplication is faster than `%`.
                (hash, (u64::from(hash as u32) * lanes) >> 32)
            }
        };
        let step = self.catchup.as_ref().map_or(Step::Send, |catchup| catchup.step(home as usize, ordinal));
        if self.ends.len() > 1 && !self.was_last(action.collection) {
            self.note_collection(action.collection, step);
        }
        if step == Step::PassOver {
            return self.pass_over(home as usize, hash, digest);
        }
        let mut lane = self.lane(home);
        if step == Step::Send && self.ends[lane].batcher.must_flush_before(ordinal, action.bytes(), hash) {
            self.send(lane);
            lane = self.lane(home);
        }
        let is_full = self.ends[lane].batcher.push(record, ordinal, action, hash);
        self.advance(digest);
        // The reader still has a long record: see `settle_long`.
        if is_full && step == Step::Send && !self.ends[lane].is_long() {
            self.send(lane);
        }
    }

    /// Goes to the next record, and does what is due before it.
    fn advance(&mut self, digest: u64) {
        self.next += 1;
        self.digest = extended(self.digest, digest);
        let Some(catchup) = &mut self.catchup else { return };
        if catchup.verify(self.next, self.digest) {
            for (lane, job) in std::mem::take(&mut catchup.held) {
                self.ends[lane].send(job);
            }
        }
        let Some(catchup) = &self.catchup else { return };
        for lane in catchup.complete(self.next) {
            self.ends[lane].batcher.mark_sent();
            self.send(lane);
        }
        if self.catchup.as_ref().is_some_and(|catchup| catchup.is_over(self.next)) {
            self.catchup = None;
        }
    }

    /// Passes over a record that an earlier try has settled.
    fn pass_over(&mut self, lane: usize, hash: u64, digest: u64) {
        self.passed_over += 1;
        if hash != 0 {
            if let Some(key_filter) = &mut self.key_filter {
                key_filter.insert(hash);
            }
            self.ends[lane].skipped.push(hash);
        }
        if self.ends[lane].skipped.len() >= MAX_SKIPPED {
            let (batch, mark) = (Batch::default(), self.mark(lane));
            let skipped = std::mem::take(&mut self.ends[lane].skipped);
            let job = Job { batch, collection: self.collection, leave_unsent: false, mark, skipped };
            self.ends[lane].send(job);
        }
        self.advance(digest);
    }

    /// How far a lane is when its current batch is settled. In a batch of all lanes, they all are.
    fn mark(&self, lane: usize) -> Mark {
        Mark { lane: self.lead.is_none().then_some(lane), upto: self.next, digest: self.digest }
    }

    /// Adds a record that already failed.
    pub(super) fn reject(&mut self, bad: BadRecord<'_>, digest: u64) {
        let home = self.next % self.ends.len() as u64;
        let step = self.catchup.as_ref().map_or(Step::Send, |catchup| catchup.step(home as usize, self.next));
        if step == Step::PassOver {
            return self.pass_over(home as usize, 0, digest);
        }
        let lane = self.lane(home);
        let is_full = self.ends[lane].batcher.reject(bad);
        self.advance(digest);
        if is_full && step == Step::Send {
            self.send(lane);
        }
    }

    /// Sends batches that have waited for the maximum time.
    pub(super) fn send_due(&mut self, now: Instant) {
        for lane in 0..self.ends.len() {
            let end = &self.ends[lane];
            if end.batcher.is_due(now) && !end.is_long() && !self.is_filling(lane) {
                self.send(lane);
            }
        }
    }

    /// Sends long records, and waits until they are settled. The reader calls it when it has freed its own copy and not read
    /// on yet, so that memory never holds more than one of them.
    pub(super) fn settle_long(&mut self) {
        for lane in 0..self.ends.len() {
            if self.ends[lane].is_long() && !self.is_filling(lane) {
                self.send(lane);
            }
        }
        self.ends.iter_mut().filter(|end| end.has_long).for_each(LaneEnd::wait);
    }

    /// Whether the batch of a lane is one of an earlier try that is not complete again.
    fn is_filling(&self, lane: usize) -> bool {
        self.catchup.as_ref().is_some_and(|catchup| catchup.is_filling(lane, self.next))
    }

    /// Sends the remaining batches. No lane has to wait for a lead batch any more.
    pub(super) fn end(&mut self) {
        match self.lead {
            Some(Lead::Later) => self.send(0),
            _ => self.send_all(),
        }
    }

    /// The same at the end of the input, or where reading was cut. Without a proof that the input is that of earlier tries,
    /// nothing is sent.
    pub(super) fn close(&mut self, is_cut: bool) {
        self.end();
        let Some(catchup) = self.catchup.as_mut().filter(|catchup| catchup.is_waiting()) else { return };
        catchup.is_other_input |= !is_cut && !catchup.held.is_empty();
        for (lane, job) in std::mem::take(&mut catchup.held) {
            self.ends[lane].send(Job { leave_unsent: true, ..job });
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
    fn note_collection(&mut self, name: &str, step: Step) {
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(name);
        let is_new = self.collections.len() < MAX_COLLECTIONS && self.collections.insert(key_filter::hash(name));
        if is_new && self.lead.is_none() && step == Step::Send {
            self.send_all();
            self.lead = Some(Lead::Later);
        }
    }

    fn send_all(&mut self) {
        (0..self.ends.len()).for_each(|lane| self.send_batch(lane, false));
    }

    /// Sends the batch of a lane, or lets it wait until the input has proved to be the same.
    fn send_batch(&mut self, lane: usize, leave_unsent: bool) {
        let mark = self.mark(lane);
        // An incomplete batch of an earlier try, because reading has ended.
        let is_cut =
            |catchup: &Catchup| catchup.is_filling(lane, mark.upto) && !catchup.complete(mark.upto).contains(&lane);
        let leave_unsent = leave_unsent || self.catchup.as_ref().is_some_and(is_cut);
        let state = (self.collection, leave_unsent);
        let Some(job) = self.ends[lane].take(self.key_filter.as_mut(), state, mark) else { return };
        match &mut self.catchup {
            Some(catchup) if catchup.is_waiting() => catchup.held.push((lane, job)),
            _ => self.ends[lane].send(job),
        }
    }

    fn send(&mut self, lane: usize) {
        let Some(lead) = self.lead else { return self.send_batch(lane, false) };
        if lead == Lead::Later {
            self.ends.iter_mut().for_each(LaneEnd::wait);
        }
        // A lane that was stopped may not have sent earlier actions on keys of this lead batch.
        let leave_unsent = lead == Lead::Later && self.stop.is_requested();
        self.send_batch(0, leave_unsent);
        self.ends[0].wait();
        // The same applies to everything after a lead batch.
        self.lead = self.stop.is_requested().then_some(Lead::Later);
        let lanes = self.ends.len();
        self.ends.iter_mut().enumerate().for_each(|(lane, end)| end.batcher.stagger(lane, lanes));
    }
}
