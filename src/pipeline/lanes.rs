//! Deals what is read out to the lanes. The lane of an action is a function of its key, so that its actions stay in order;
//! what has no key yet goes where its place in the input says.
//! What surprises: the first batch goes to the first lane whole, in the order of the input, and the others wait for it. So
//! an input that fits one request is one request, and the fields of a new collection get the types of its first records. A
//! collection that a bulk line names for the first time later on begins such a lead batch again.

use crate::action::Action;
use crate::batch::{Batch, Batcher};
use crate::key_filter::{self, KeyFilter};
use crate::record::{BadRecord, Record};
use crate::stop::Stop;
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

/// What a lane gets.
pub(super) struct Job {
    pub(super) batch: Batch,
    /// Whether nothing is sent: what it has to come after was not sent either.
    pub(super) is_left: bool,
}

/// The reading thread's end of a lane.
pub(super) struct LaneEnd {
    pub(super) batcher: Batcher,
    pub(super) jobs: SyncSender<Job>,
    /// Batches that the lane is done with.
    pub(super) free: Receiver<Batch>,
    /// Batches that it is not done with.
    pub(super) at_work: usize,
    pub(super) spare: Vec<Batch>,
}

impl LaneEnd {
    /// Sends what has been collected. A lane never hangs up before its channel closes.
    fn send(&mut self, key_filter: Option<&mut KeyFilter>, is_left: bool) {
        if self.batcher.is_empty() {
            return;
        }
        while let Ok(batch) = self.free.try_recv() {
            self.returned(batch);
        }
        let next = self.spare.pop().unwrap_or_default();
        self.at_work += 1;
        let batch = self.batcher.take(next, key_filter);
        let _ = self.jobs.send(Job { batch, is_left });
    }

    /// Waits until everything that was sent is settled.
    fn wait(&mut self) {
        while self.at_work > 0 {
            let Ok(batch) = self.free.recv() else { return };
            self.returned(batch);
        }
    }

    fn returned(&mut self, batch: Batch) {
        self.at_work -= 1;
        self.spare.push(batch);
    }
}

/// What a lead batch comes after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Nothing: it is the first of the run.
    First,
    /// What the lanes are still settling.
    Later,
}

/// Names of collections that are remembered. A file that names more is not slowed down any further.
const NAMES: usize = 1 << 12;

/// All lanes, as the reading thread sees them.
pub(super) struct Lanes {
    ends: Vec<LaneEnd>,
    key_filter: Option<KeyFilter>,
    stop: Stop,
    /// While there is one, everything goes to the first lane.
    lead: Option<Lead>,
    /// Hashes of the collections that were named.
    names: HashSet<u64>,
    /// The one that was named last.
    name: Option<String>,
}

impl Lanes {
    /// Begins with a lead batch, if there is more than one lane.
    pub(super) fn new(ends: Vec<LaneEnd>, key_filter: Option<KeyFilter>, stop: Stop) -> Lanes {
        let lead = (ends.len() > 1).then_some(Lead::First);
        Lanes { ends, key_filter, stop, lead, names: HashSet::new(), name: None }
    }

    /// Says whether each of the records to come was a line.
    pub(super) fn expect_lines(&mut self, are_lines: bool) {
        self.ends.iter_mut().for_each(|end| end.batcher.expect_lines(are_lines));
    }

    /// Adds an action.
    pub(super) fn push(&mut self, record: &Record<'_>, action: &Action<'_>, ordinal: u64) {
        if self.ends.len() > 1 && !self.was_last(action.collection) {
            self.meet(action.collection);
        }
        let lanes = self.ends.len() as u64;
        let (hash, home) = match action.key_text() {
            "" => (0, ordinal % lanes),
            key => {
                let hash = key_filter::hash(key);
                // The upper bits tell a place in a filter; these are others, and a product is faster than a rest.
                (hash, (u64::from(hash as u32) * lanes) >> 32)
            }
        };
        let mut lane = self.now(home);
        if self.ends[lane].batcher.must_go_before(ordinal, action.bytes(), hash) {
            self.send(lane);
            lane = self.now(home);
        }
        if self.ends[lane].batcher.push(record, ordinal, action, hash) {
            self.send(lane);
        }
    }

    /// Adds a record that has already failed.
    pub(super) fn reject(&mut self, bad: BadRecord<'_>, ordinal: u64) {
        let lane = self.now(ordinal % self.ends.len() as u64);
        if self.ends[lane].batcher.reject(bad) {
            self.send(lane);
        }
    }

    /// Sends what has waited long enough.
    pub(super) fn send_due(&mut self, now: Instant) {
        for lane in 0..self.ends.len() {
            if self.ends[lane].batcher.is_due(now) {
                self.send(lane);
            }
        }
    }

    /// Sends what is left. What is still a lead batch then needs no other lane to wait for it.
    pub(super) fn end(&mut self) {
        match self.lead {
            Some(Lead::Later) => self.send(0),
            _ => self.send_all(),
        }
    }

    /// The lane of what belongs to this one, as long as nothing leads.
    fn now(&self, home: u64) -> usize {
        if self.lead.is_some() { 0 } else { home as usize }
    }

    /// Whether this collection was named last.
    fn was_last(&self, name: &str) -> bool {
        match &self.name {
            // Mostly neither has a name, and lengths tell that. A comparison of no bytes is slow where the C library makes it a
            // masked load from an address that is not mapped (measured: 15 % of the reading thread's time).
            Some(last) if name.is_empty() => last.is_empty(),
            last => last.as_deref() == Some(name),
        }
    }

    /// Remembers that a collection was named. One that is new begins a lead batch, for which all else goes first.
    fn meet(&mut self, name: &str) {
        let last = self.name.get_or_insert_default();
        last.clear();
        last.push_str(name);
        let is_new = self.names.len() < NAMES && self.names.insert(key_filter::hash(name));
        if is_new && self.lead.is_none() {
            self.send_all();
            self.lead = Some(Lead::Later);
        }
    }

    fn send_all(&mut self) {
        self.ends.iter_mut().for_each(|end| end.send(self.key_filter.as_mut(), false));
    }

    fn send(&mut self, lane: usize) {
        let Some(lead) = self.lead else { return self.ends[lane].send(self.key_filter.as_mut(), false) };
        if lead == Lead::Later {
            self.ends.iter_mut().for_each(LaneEnd::wait);
        }
        // A lane that was stopped may have left earlier actions on the keys of a later lead batch.
        let is_left = lead == Lead::Later && self.stop.is_requested();
        self.ends[0].send(self.key_filter.as_mut(), is_left);
        self.ends[0].wait();
        // The same holds for whatever comes behind a lead batch.
        self.lead = self.stop.is_requested().then_some(Lead::Later);
        let lanes = self.ends.len();
        self.ends.iter_mut().enumerate().for_each(|(lane, end)| end.batcher.stagger(lane, lanes));
    }
}
