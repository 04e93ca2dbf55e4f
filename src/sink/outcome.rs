//! Outcomes of records: buckets, counts and failures. A sink reports by index in the batch; the origin and the key of each
//! record are added here, on the lane.

use super::SinkError;
use super::held::HeldRecords;
use crate::batch::Batch;
use crate::record::{BadRecord, Origin, Reason};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{AddAssign, Index, IndexMut, SubAssign};

/// The outcome of a record. Every record read ends in exactly one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl SubAssign for Counts {
    fn sub_assign(&mut self, other: Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, less)| *count = count.saturating_sub(less));
    }
}

/// A record that failed, or whose outcome is unknown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Where it was found.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
    /// `Error` or `Unknown`.
    pub bucket: Bucket,
}

/// A record that is not stored, as `--rejects` wants it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reject {
    /// Where it was found.
    pub origin: Origin,
    /// `Error`, `Unknown` or `Unsent`.
    pub bucket: Bucket,
    /// Its key; empty if it has none.
    pub key: String,
    /// Why it is not stored; `None` if it was not sent.
    pub reason: Option<Reason>,
    /// The status code of the server's response; 0 if there is none.
    pub status: u16,
    /// How often it was sent; of a store, how often it was applied.
    pub attempts: u8,
    /// The raw input of the record; empty if it is too long.
    #[serde(with = "bytes_as_text")]
    pub raw: Vec<u8>,
}

/// What a run wants of the outcomes of its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutcomeWishes {
    /// A line for each record (`--results`).
    pub results: bool,
    /// Each record that is not stored (`--rejects`).
    pub rejects: bool,
    /// Whether records that were not sent are among them. They are good ones in a dry run.
    pub unsent: bool,
    /// Whether all that is applied may be rolled back in the end.
    pub complete: bool,
}

/// An item of a response, as `--results` wants_results it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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

/// Counts by the name of a collection. Only so many names are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCounts(BTreeMap<String, Counts>);

/// Maximum number of names.
const MAX_NAMES: usize = 1000;

impl NamedCounts {
    /// Adds counts under a name, unless there are too many names.
    pub fn add(&mut self, name: &str, counts: Counts) {
        if let Some(known) = self.0.get_mut(name) {
            *known += counts;
        } else if self.0.len() < MAX_NAMES {
            self.0.insert(name.to_owned(), counts);
        }
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Counts)> {
        self.0.iter()
    }
}

/// What is applied, but not yet durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// By collection of the run.
    pub counts: Vec<Counts>,
    /// Those of them whose bulk lines name a collection.
    pub named: NamedCounts,
}

impl Held {
    /// The number of records.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(Counts::total).sum()
    }
}

/// The outcomes of some records: counts, and a failure for each error and each unknown record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Their lane.
    pub lane: usize,
    /// Their collection, as an index among those of the run.
    pub collection: usize,
    /// Records by bucket.
    pub counts: Counts,
    /// Those of them whose bulk lines name a collection, by its name.
    #[serde(default, skip_serializing_if = "NamedCounts::is_empty")]
    pub named: NamedCounts,
    /// Errors and unknown records.
    pub failures: Vec<Failure>,
    /// A line for each record, for `--results`.
    pub results: Vec<ResultLine>,
    /// Records that are not stored, for `--rejects`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Reject>,
    /// Why some of them are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What is left under keys, as their hashes; only with a journal.
    pub keys: Vec<(u64, u8)>,
}

/// Maximum number of failures before they are passed on, which bounds their memory.
const CHUNK: usize = 4_096;

/// Bytes of rejects after which they are passed on.
const REJECTS_BYTES: usize = 1 << 20;

/// Outcomes that are kept before they take much memory.
const MAX_KEPT: usize = 16;

/// Collects the outcomes of a lane's records, and passes them to the report.
/// Applied records are held back until the sink reports them as durable; errors are passed on at once.
pub struct Ledger {
    /// Applied, but not yet durable.
    held: Held,
    /// The lines of what was settled since the last time that all was durable, in order.
    held_lines: Vec<ResultLine>,
    outcome: Outcome,
    wishes: OutcomeWishes,
    /// Bytes of the rejects that were not passed on.
    rejects_bytes: usize,
    /// How often the next record that is settled was sent.
    attempts: u8,
    /// What would belong to the rejects after a rollback.
    held_records: Option<HeldRecords>,
    /// Whether any record has failed.
    failed: bool,
    hand_over: Box<dyn FnMut(Outcome)>,
    /// With a journal: the outcomes that are passed on together, once a mark is settled.
    kept: Option<Vec<Outcome>>,
    /// Bytes of the rejects among them.
    kept_bytes: usize,
    /// How many of them are final; the next try repeats what comes after them.
    late_from: Option<usize>,
    /// With a journal: the end of the records so far, and the digest of the input up to there.
    pub position: (u64, u64),
}

impl Ledger {
    /// Creates the ledger of a lane. `hand_over` receives the outcomes.
    pub fn new(lane: usize, wishes: OutcomeWishes, hand_over: Box<dyn FnMut(Outcome)>) -> Ledger {
        let outcome = Outcome { lane, ..Outcome::default() };
        let held_records = (wishes.rejects && wishes.complete).then(HeldRecords::default);
        Ledger {
            held: Held::default(),
            held_lines: Vec::new(),
            outcome,
            wishes,
            rejects_bytes: 0,
            attempts: 0,
            held_records,
            failed: false,
            hand_over,
            kept: None,
            kept_bytes: 0,
            late_from: None,
            position: (0, 0),
        }
    }

    /// Keeps the outcomes until they are taken, and goes on with what an earlier try of this run had applied.
    pub fn keep(&mut self, held: Held) {
        self.kept = Some(Vec::new());
        self.held = held;
    }

    /// From here on, outcomes are not final: the next try of the run repeats these records.
    pub fn begin_late(&mut self) {
        self.flush();
        self.late_from = self.late_from.or(self.kept.as_ref().map(Vec::len));
    }

    /// Takes the outcomes that are kept.
    pub fn take_kept(&mut self) -> Vec<Outcome> {
        self.flush();
        self.kept_bytes = 0;
        self.kept.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    /// The number of records in a bucket among the outcomes that are kept.
    pub fn count_kept(&self, bucket: Bucket) -> u64 {
        let kept = self.kept.iter().flatten().chain([&self.outcome]);
        kept.map(|outcome| outcome.counts[bucket]).sum()
    }

    /// Whether the outcomes that are kept take much memory.
    pub fn is_heavy(&self) -> bool {
        let bytes = self.kept_bytes + self.rejects_bytes;
        self.kept.as_ref().is_some_and(|kept| kept.len() >= MAX_KEPT || bytes >= REJECTS_BYTES)
    }

    /// The outcomes that will be taken next if what was applied is durable then, and what is held back otherwise.
    pub fn preview(&self, is_durable: bool) -> (Vec<Outcome>, Held) {
        let kept = self.kept.iter().flatten().chain([&self.outcome]);
        let mut outcomes: Vec<Outcome> = kept.take(self.late_from.unwrap_or(usize::MAX)).cloned().collect();
        if !is_durable {
            return (outcomes, self.held.clone());
        }
        for (collection, counts) in self.held.counts.iter().enumerate().filter(|(_, counts)| counts.total() > 0) {
            outcomes.push(Outcome { lane: self.outcome.lane, collection, counts: *counts, ..Outcome::default() });
        }
        let (named, results) = (self.held.named.clone(), self.held_lines.clone());
        outcomes.push(Outcome { collection: self.outcome.collection, named, results, ..Outcome::default() });
        (outcomes, Held::default())
    }

    /// With a journal, remembers what is left under a key.
    pub fn note_key(&mut self, hash: u64, state: u8) {
        if self.kept.is_some() {
            self.outcome.keys.push((hash, state));
        }
    }

    /// Whether a line is kept for each record.
    pub fn wants_results(&self) -> bool {
        self.wishes.results
    }

    /// Whether records that are not stored are wanted.
    pub fn wants_rejects(&self) -> bool {
        self.wishes.rejects
    }

    /// Whether a record in this bucket is one of the rejects.
    fn rejects(&self, bucket: Bucket) -> bool {
        self.wishes.rejects
            && match bucket {
                Bucket::Error | Bucket::Unknown => true,
                Bucket::Unsent => self.wishes.unsent,
                _ => false,
            }
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
        let counts = &mut self.held.counts;
        if counts.len() <= collection {
            counts.resize(collection + 1, Counts::default());
        }
        &mut counts[collection]
    }

    /// Settles the records of a batch that failed before it was filled.
    pub fn reject(&mut self, batch: &Batch) {
        for BadRecord { origin, reason, raw } in batch.rejected() {
            let index = reason.action.as_ref().map_or("", |action| &action.index);
            self.count_named(index, Bucket::Error);
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
        if batch.names_collections() {
            self.count_named(batch.action(index).collection, bucket);
        }
        if reason.is_none() && !self.wishes.results && !self.rejects(bucket) {
            self.attempts = 0;
            return self.settle_many(bucket, 1);
        }
        let (origin, key) = (batch.item(index).origin, batch.key(index).0.to_owned());
        let raw = if self.rejects(bucket) { batch.raw(index) } else { Cow::Borrowed(&[][..]) };
        self.add(ResultLine { origin, bucket, key, reason, details }, &raw);
    }

    /// Says how often the next record that is settled was sent.
    pub fn tried(&mut self, attempts: u8) {
        self.attempts = attempts;
    }

    /// Counts a record whose bulk line names a collection.
    fn count_named(&mut self, name: &str, bucket: Bucket) {
        if !name.is_empty() {
            let mut counts = Counts::default();
            counts[bucket] = 1;
            let named = if bucket.is_applied() { &mut self.held.named } else { &mut self.outcome.named };
            named.add(name, counts);
        }
    }

    /// Settles a number of actions without a reason.
    pub fn settle_many(&mut self, bucket: Bucket, count: u64) {
        debug_assert!(bucket != Bucket::Error, "an error needs a reason");
        let counts = if bucket.is_applied() { self.held() } else { &mut self.outcome.counts };
        counts[bucket] += count;
    }

    /// Settles actions without a reason, whose bulk lines name this collection; empty if it is that of the run.
    pub fn settle_counts(&mut self, name: &str, counts: Counts) {
        *self.held() += counts;
        if !name.is_empty() && counts != Counts::default() {
            self.held.named.add(name, counts);
        }
    }

    /// Settles the actions of a batch from an index on as not sent.
    pub fn leave_unsent(&mut self, batch: &Batch, from: usize) {
        if !self.wishes.results && !self.rejects(Bucket::Unsent) {
            return self.settle_many(Bucket::Unsent, batch.len().saturating_sub(from) as u64);
        }
        (from..batch.len()).for_each(|index| self.settle(batch, index, Bucket::Unsent, None, None));
    }

    /// Moves records from `Created` to another bucket: a load finds duplicates only when it ends.
    pub fn move_created(&mut self, name: &str, bucket: Bucket, count: u64) {
        let held = self.held();
        held[Bucket::Created] -= count;
        held[bucket] += count;
        if let Some(held) = self.held.named.0.get_mut(name) {
            held[Bucket::Created] -= count;
            held[bucket] += count;
        }
    }

    /// Turns a record that was reported as created into an error, after its batch was dropped.
    pub fn fail_created(&mut self, name: &str, origin: Origin, key: &str, reason: Reason, raw: &[u8]) {
        self.held()[Bucket::Created] -= 1;
        if let Some(held) = self.held.named.0.get_mut(name) {
            held[Bucket::Created] -= 1;
            self.count_named(name, Bucket::Error);
        }
        self.attempts = 1;
        self.fail(origin, key, reason, raw);
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
            self.outcome.failures.push(Failure { origin, reason, bucket });
        }
        if self.rejects(bucket) {
            self.push_reject(&line, raw);
        }
        self.attempts = 0;
        if self.wishes.results && self.held_lines.is_empty() && !bucket.is_applied() {
            // No line before it waits until its action is durable.
            self.outcome.results.push(line);
        } else if self.wishes.results {
            self.held_lines.push(line);
        }
        if self.outcome.failures.len() == CHUNK || self.rejects_bytes >= REJECTS_BYTES {
            self.flush();
        }
    }

    /// Remembers the records of a batch that were applied, if they may be rolled back and are wanted then.
    ///
    /// # Errors
    /// When they cannot be written to a temporary file.
    pub fn hold(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let Some(held) = &mut self.held_records else { return Ok(()) };
        let collection = self.outcome.collection;
        let mut add = |index| held.add(collection, batch.item(index).origin, &batch.raw(index));
        let added = (0..batch.len()).try_for_each(&mut add);
        added.map_err(|error| SinkError::stopped(format!("--rejects: a temporary file cannot be written: {error}")))
    }

    /// Makes rejects of the records that were rolled back.
    fn reject_held(&mut self, bucket: Bucket) {
        let Some(mut held) = self.held_records.take() else { return };
        let mut rejects = 0;
        let drained = held.drain(|collection, origin, raw| {
            self.select(collection);
            let reason = Some(Reason::new("rolled_back", "rolled back, because of --complete"));
            rejects += raw.len() + size_of::<Reject>();
            self.outcome.rejects.push(Reject {
                origin,
                bucket,
                key: String::new(),
                reason,
                status: 0,
                attempts: 1,
                raw,
            });
            if rejects >= REJECTS_BYTES {
                rejects = 0;
                self.flush();
            }
        });
        if let Err(error) = drained {
            (self.hand_over)(Outcome { broken: Some(error.to_string()), ..Outcome::default() });
        }
        self.flush();
    }

    fn push_reject(&mut self, line: &ResultLine, raw: &[u8]) {
        if let Some(held) = &mut self.held_records {
            held.leave_out(line.origin);
        }
        let ResultLine { origin, bucket, .. } = *line;
        let status = line.details.as_ref().map_or(0, |details| details.status);
        let attempts = self.attempts;
        let (key, reason, raw) = (line.key.clone(), line.reason.clone(), raw.to_vec());
        self.rejects_bytes += raw.len() + key.len() + size_of::<Reject>();
        self.outcome.rejects.push(Reject { origin, bucket, key, reason, status, attempts, raw });
    }

    /// Marks what was applied so far as durable.
    pub fn durable(&mut self) {
        self.release(|held| held);
        self.held_records.iter_mut().for_each(HeldRecords::clear);
        self.outcome.results.append(&mut self.held_lines);
    }

    /// Moves what was applied but is not durable to this bucket: it was rolled back, or its outcome is unknown.
    pub fn undo(&mut self, bucket: Bucket) {
        self.reject_held(bucket);
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
        let Held { counts, named } = std::mem::take(&mut self.held);
        for (name, held) in named.iter() {
            self.outcome.named.add(name, counted(*held));
        }
        for (collection, held) in counts.into_iter().enumerate() {
            if held != Counts::default() {
                self.select(collection);
                self.outcome.counts += counted(held);
            }
        }
    }

    /// Passes on what is settled.
    pub fn flush(&mut self) {
        let Outcome { counts, results, rejects, keys, .. } = &self.outcome;
        if *counts != Counts::default() || !results.is_empty() || !rejects.is_empty() || !keys.is_empty() {
            let Outcome { lane, collection, .. } = self.outcome;
            let next = Outcome { lane, collection, ..Outcome::default() };
            let outcome = std::mem::replace(&mut self.outcome, next);
            let bytes = std::mem::take(&mut self.rejects_bytes);
            match &mut self.kept {
                Some(kept) => {
                    kept.push(outcome);
                    self.kept_bytes += bytes;
                }
                None => (self.hand_over)(outcome),
            }
        }
    }
}

/// Bytes of any kind as a string: each is the character with its number.
mod bytes_as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<u8>, D::Error> {
        // No other character was written.
        Ok(String::deserialize(from)?.chars().map(|c| c as u8).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_unsent_after_a_stop_has_its_lines() {
        let (sender, outcomes) = std::sync::mpsc::channel();
        let mut ledger = Ledger::new(
            0,
            OutcomeWishes { results: true, ..OutcomeWishes::default() },
            Box::new(move |outcome| drop(sender.send(outcome))),
        );
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
