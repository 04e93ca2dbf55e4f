//! Outcomes of records: buckets, counts and failures. A sink reports by index in the batch; the origin and the key of each
//! record are added here, on the lane.

use crate::batch::Batch;
use crate::record::{BadRecord, Origin, Reason};
use serde::Serialize;
use std::ops::{AddAssign, Index, IndexMut};

/// The outcome of a record. Every record read ends in exactly one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// Stored under a key that did not exist.
    Created,
    /// Changed, replaced, or already as requested.
    Updated,
    /// Not stored, as requested.
    Ignored,
    /// Removed.
    Deleted,
    /// Rejected, with a reason.
    Error,
    /// Sent with an unknown outcome, usually because no response was received.
    Unknown,
    /// Certainly not applied, for a reason that is not the record's.
    Unsent,
}

impl Bucket {
    /// Whether a rollback undoes it.
    fn is_applied(self) -> bool {
        matches!(self, Bucket::Created | Bucket::Updated | Bucket::Ignored | Bucket::Deleted)
    }
}

/// How many records are in each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Bucket::Unsent as usize + 1]);

impl Counts {
    /// The number of records in all buckets.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Index<Bucket> for Counts {
    type Output = u64;

    fn index(&self, bucket: Bucket) -> &u64 {
        &self.0[bucket as usize]
    }
}

impl IndexMut<Bucket> for Counts {
    fn index_mut(&mut self, bucket: Bucket) -> &mut u64 {
        &mut self.0[bucket as usize]
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

/// A record that failed, or whose outcome is unknown.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where it was found.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
    /// `Error` or `Unknown`.
    pub bucket: Bucket,
    /// The raw input of the record, if it is requested and available.
    pub raw: Vec<u8>,
}

/// An item of a response, as `--results` wants_results it.
#[derive(Clone, Debug, Default)]
pub struct ItemDetails {
    /// The action, as the server names it.
    pub op: String,
    /// The index that holds the document.
    pub index: String,
    /// The item's own status code.
    pub status: u16,
    /// The server's `result`.
    pub result: Option<String>,
    /// The document's version.
    pub version: Option<i64>,
    /// Its sequence number.
    pub seq_no: Option<i64>,
    /// The primary term of that number.
    pub primary_term: Option<i64>,
    /// The server's error, a JSON object.
    pub error: Option<String>,
    /// The fields that `_source` requested, a JSON object.
    pub get: Option<String>,
}

/// What `--results` wants_results of one record.
#[derive(Clone, Debug)]
pub struct ResultLine {
    /// Where it was found.
    pub origin: Origin,
    /// Its bucket.
    pub bucket: Bucket,
    /// Its key, if it has one.
    pub key: String,
    /// Why it is in that bucket.
    pub reason: Option<Reason>,
    /// What the server reported.
    pub details: Option<Box<ItemDetails>>,
}

/// The outcomes of some records: counts, and a failure for each error and each unknown record.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Their lane.
    pub lane: usize,
    /// Their collection, as an index among those of the run.
    pub collection: usize,
    /// Records by bucket.
    pub counts: Counts,
    /// Errors and unknown records.
    pub failures: Vec<Failure>,
    /// A line for each record, for `--results`.
    pub results: Vec<ResultLine>,
}

/// Maximum number of failures before they are passed on, which bounds their memory.
const CHUNK: usize = 4_096;

/// Collects the outcomes of a lane's records, and passes them to the report.
/// Applied records are held back until the sink reports them as durable; errors are passed on at once.
pub struct Ledger {
    /// Applied, but not yet durable, by collection.
    held: Vec<Counts>,
    /// The lines of what was settled since the last time that all was durable, in order.
    held_lines: Vec<ResultLine>,
    outcome: Outcome,
    /// Whether a line is kept for each record.
    wants_results: bool,
    /// Whether any record has failed.
    failed: bool,
    hand_over: Box<dyn FnMut(Outcome)>,
}

impl Ledger {
    /// Creates the ledger of a lane. `hand_over` receives the outcomes.
    pub fn new(lane: usize, wants_results: bool, hand_over: Box<dyn FnMut(Outcome)>) -> Ledger {
        let outcome = Outcome { lane, ..Outcome::default() };
        Ledger { held: Vec::new(), held_lines: Vec::new(), outcome, wants_results, failed: false, hand_over }
    }

    /// Whether a line is kept for each record.
    pub fn wants_results(&self) -> bool {
        self.wants_results
    }

    /// Whether a record of this lane has failed.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Switches to records of this collection of the run.
    pub fn select(&mut self, collection: usize) {
        if self.outcome.collection != collection {
            self.flush();
            self.outcome.collection = collection;
        }
    }

    /// The collection of the records that are being settled.
    pub fn selected(&self) -> usize {
        self.outcome.collection
    }

    /// What is applied, but not yet durable, in the current collection.
    fn held(&mut self) -> &mut Counts {
        let collection = self.outcome.collection;
        if self.held.len() <= collection {
            self.held.resize(collection + 1, Counts::default());
        }
        &mut self.held[collection]
    }

    /// Settles the records of a batch that failed before it was filled.
    pub fn reject(&mut self, batch: &Batch) {
        for BadRecord { origin, reason, raw } in batch.rejected() {
            self.fail(origin, "", reason, raw);
        }
    }

    /// Settles the action at an index of a batch. Errors and unknown actions have a reason.
    pub fn settle(
        &mut self,
        batch: &Batch,
        index: usize,
        bucket: Bucket,
        reason: Option<Reason>,
        details: Option<Box<ItemDetails>>,
    ) {
        if reason.is_none() && !self.wants_results {
            return self.settle_many(bucket, 1);
        }
        let (origin, key) = (batch.item(index).origin, batch.key(index).0.to_owned());
        self.add(ResultLine { origin, bucket, key, reason, details }, batch.raw(index));
    }

    /// Settles a number of actions without a reason.
    pub fn settle_many(&mut self, bucket: Bucket, count: u64) {
        debug_assert!(bucket != Bucket::Error, "an error needs a reason");
        let counts = if bucket.is_applied() { self.held() } else { &mut self.outcome.counts };
        counts[bucket] += count;
    }

    /// Settles the actions of a batch from an index on as not sent.
    pub fn leave_unsent(&mut self, batch: &Batch, from: usize) {
        (from..batch.len()).for_each(|index| self.settle(batch, index, Bucket::Unsent, None, None));
    }

    /// Moves records from `Created` to another bucket: a load finds duplicates only when it ends.
    pub fn move_created(&mut self, bucket: Bucket, count: u64) {
        let held = self.held();
        held[Bucket::Created] -= count;
        held[bucket] += count;
    }

    /// Turns a record that was reported as created into an error, after its batch was dropped. Its raw input is no longer
    /// available.
    pub fn fail_created(&mut self, origin: Origin, key: &str, reason: Reason) {
        self.held()[Bucket::Created] -= 1;
        self.fail(origin, key, reason, &[]);
    }

    fn fail(&mut self, origin: Origin, key: &str, reason: Reason, raw: &[u8]) {
        let (bucket, key) = (Bucket::Error, key.to_owned());
        self.add(ResultLine { origin, bucket, key, reason: Some(reason), details: None }, raw);
    }

    fn add(&mut self, line: ResultLine, raw: &[u8]) {
        let ResultLine { origin, bucket, .. } = line;
        match bucket {
            Bucket::Error => self.outcome.counts[bucket] += 1,
            _ => self.settle_many(bucket, 1),
        }
        self.failed |= bucket == Bucket::Error;
        if let Some(reason) = line.reason.clone() {
            self.outcome.failures.push(Failure { origin, reason, bucket, raw: raw.to_vec() });
        }
        if self.wants_results && self.held_lines.is_empty() && !bucket.is_applied() {
            // No line before it waits until its action is durable.
            self.outcome.results.push(line);
        } else if self.wants_results {
            self.held_lines.push(line);
        }
        if self.outcome.failures.len() == CHUNK {
            self.flush();
        }
    }

    /// Marks what was applied so far as durable.
    pub fn durable(&mut self) {
        self.release(|held| held);
        self.outcome.results.append(&mut self.held_lines);
    }

    /// Moves what was applied but is not durable to this bucket: it was rolled back, or its outcome is unknown.
    pub fn undo(&mut self, bucket: Bucket) {
        for line in self.held_lines.iter_mut().filter(|line| line.bucket.is_applied()) {
            // The item is no longer true.
            (line.bucket, line.details) = (bucket, None);
        }
        self.outcome.results.append(&mut self.held_lines);
        self.release(|held| {
            let mut counts = Counts::default();
            counts[bucket] = held.total();
            counts
        });
    }

    /// Counts what was held back, as `counted`.
    fn release(&mut self, counted: impl Fn(Counts) -> Counts) {
        for (collection, held) in std::mem::take(&mut self.held).into_iter().enumerate() {
            if held != Counts::default() {
                self.select(collection);
                self.outcome.counts += counted(held);
            }
        }
    }

    /// Passes on what is settled.
    pub fn flush(&mut self) {
        if self.outcome.counts != Counts::default() || !self.outcome.results.is_empty() {
            let Outcome { lane, collection, .. } = self.outcome;
            let next = Outcome { lane, collection, ..Outcome::default() };
            let outcome = std::mem::replace(&mut self.outcome, next);
            (self.hand_over)(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_unsent_after_a_stop_has_its_lines() {
        let (sender, outcomes) = std::sync::mpsc::channel();
        let mut ledger = Ledger::new(0, true, Box::new(move |outcome| drop(sender.send(outcome))));
        let line =
            |bucket| ResultLine { origin: Origin::default(), bucket, key: String::new(), reason: None, details: None };
        ledger.add(line(Bucket::Created), &[]);
        ledger.add(line(Bucket::Unsent), &[]);
        ledger.undo(Bucket::Unknown);
        ledger.flush();
        ledger.add(line(Bucket::Unsent), &[]);
        ledger.flush();
        drop(ledger);
        let buckets: Vec<Bucket> =
            outcomes.iter().flat_map(|outcome| outcome.results).map(|line| line.bucket).collect();
        assert_eq!(buckets, [Bucket::Unknown, Bucket::Unsent, Bucket::Unsent]);
    }
}
