//! Where batches go: a sink applies a batch and accounts for every record in it.
//! A target is a folder here, and a row in `targets.rs`.

mod arangodb;
mod bulk_api;
mod dry_run;
pub(crate) mod elasticsearch;
pub mod http;
mod kuzzle;
mod patience;
pub mod remote;
mod sqlite;
pub mod target;
pub mod targets;
pub mod wanted;

pub use dry_run::DryRun;
pub use patience::{Patience, patiently, settle};

use crate::batch::{Batch, Documents, Encode};
use crate::record::{Origin, Reason};
use std::sync::Arc;

/// The buckets. Every record read ends in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored under a key that did not exist.
    pub created: u64,
    /// Changed, or replaced, or found as it should be.
    pub updated: u64,
    /// Deliberately not stored.
    pub ignored: u64,
    /// Removed.
    pub deleted: u64,
    /// Rejected, each with a reason.
    pub errors: u64,
    /// Sent, and it cannot be told what became of it: mostly the answer never came.
    pub unknown: u64,
    /// Certainly not applied, and not the record's fault.
    pub unsent: u64,
}

impl Counts {
    /// Records in all buckets together.
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.ignored + self.deleted + self.errors + self.unknown + self.unsent
    }

    /// Adds what `other` counts.
    pub fn add(&mut self, other: Counts) {
        self.created += other.created;
        self.updated += other.updated;
        self.ignored += other.ignored;
        self.deleted += other.deleted;
        self.errors += other.errors;
        self.unknown += other.unknown;
        self.unsent += other.unsent;
    }
}

/// A record that is not proven stored, and why.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where it was found.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
    /// Error, or unknown.
    pub bucket: Bucket,
}

/// A bucket by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Stored under a key that did not exist.
    Created,
    /// Changed.
    Updated,
    /// Deliberately not stored.
    Ignored,
    /// Removed.
    Deleted,
    /// Rejected.
    Error,
    /// Sent, and it cannot be told what became of it.
    Unknown,
    /// Not sent.
    Unsent,
}

impl Bucket {
    /// The name that results give it.
    pub fn name(self) -> &'static str {
        match self {
            Bucket::Created => "created",
            Bucket::Updated => "updated",
            Bucket::Ignored => "ignored",
            Bucket::Deleted => "deleted",
            Bucket::Error => "error",
            Bucket::Unknown => "unknown",
            Bucket::Unsent => "unsent",
        }
    }
}

/// An item of an answer, as `--results` shows it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The action, as the server names it.
    pub op: String,
    /// Where it lies.
    pub index: String,
    /// The item's own status code.
    pub status: u16,
    /// What the server says it did.
    pub result: Option<String>,
    /// The document's version.
    pub version: Option<i64>,
    /// Its sequence number.
    pub seq_no: Option<i64>,
    /// The primary term of that number.
    pub primary_term: Option<i64>,
    /// The server's error, a JSON object.
    pub error: Option<String>,
    /// What `_source` asked for, a JSON object.
    pub get: Option<String>,
}

/// What `--results` says of one record.
#[derive(Clone, Debug)]
pub struct ResultLine {
    /// Where it was found.
    pub origin: Origin,
    /// Its bucket.
    pub bucket: Bucket,
    /// Its key, if it has one.
    pub key: String,
    /// Why it is where it is.
    pub reason: Option<Reason>,
    /// What the server said.
    pub shown: Option<Box<Shown>>,
}

/// What became of records: their counts, and a failure for each error and each unknown one among them.
#[derive(Debug, Default)]
pub struct Outcome {
    counts: Counts,
    failures: Vec<Failure>,
    /// A line for each record, when that is asked for.
    results: Option<Vec<ResultLine>>,
}

impl Outcome {
    /// An outcome that also keeps a line for each record, if `results` asks for them.
    pub fn new(results: bool) -> Outcome {
        Outcome { results: results.then(Vec::new), ..Outcome::default() }
    }

    /// Whether a line is kept for each record.
    pub fn shows(&self) -> bool {
        self.results.is_some()
    }

    /// Settles one record. An error needs a reason; an unknown one has one too, which is told with the errors.
    pub fn end(
        &mut self,
        origin: Origin,
        bucket: Bucket,
        reason: Option<Reason>,
        shown: Option<Box<Shown>>,
        key: &str,
    ) {
        let count = match bucket {
            Bucket::Created => &mut self.counts.created,
            Bucket::Updated => &mut self.counts.updated,
            Bucket::Ignored => &mut self.counts.ignored,
            Bucket::Deleted => &mut self.counts.deleted,
            Bucket::Error => &mut self.counts.errors,
            Bucket::Unknown => &mut self.counts.unknown,
            Bucket::Unsent => &mut self.counts.unsent,
        };
        *count += 1;
        if let Some(results) = &mut self.results {
            results.push(ResultLine { origin, bucket, key: key.to_owned(), reason: reason.clone(), shown });
        }
        if let Some(reason) = reason {
            self.failures.push(Failure { origin, reason, bucket });
        }
    }

    /// The lines for `--results`.
    pub fn results(&self) -> &[ResultLine] {
        self.results.as_deref().unwrap_or_default()
    }

    /// Counts an error.
    pub fn fail(&mut self, origin: Origin, reason: Reason) {
        self.end(origin, Bucket::Error, Some(reason), None, "");
    }

    /// Counts records that were no errors.
    pub fn settle(&mut self, counts: Counts) {
        debug_assert_eq!(counts.errors, 0, "an error needs a reason");
        self.counts.add(counts);
    }

    /// Settles the records of a batch from the `at`-th on as not sent; those that had failed before stay errors.
    pub fn leave_unsent(&mut self, batch: &Batch, at: usize) {
        for (item, action) in batch.items_from(at) {
            match action {
                Ok(action) => self.end(item.origin(), Bucket::Unsent, None, None, action.key),
                Err(reason) => self.fail(item.origin(), reason.clone()),
            }
        }
    }

    /// Takes in what another outcome holds.
    pub fn absorb(&mut self, other: Outcome) {
        self.counts.add(other.counts);
        self.failures.extend(other.failures);
        if let (Some(results), Some(more)) = (&mut self.results, other.results) {
            results.extend(more);
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The errors so far.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default()
    }
}

/// Why a sink cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The target is busy and nothing of this call was done: it may be made again.
    Busy(String),
    /// The target is gone, closed to us or full (exit code 4).
    Stopped(String),
    /// `--complete`: an error made all of it undone (exit code 6).
    RolledBack(String),
}

/// What a sink says while it works.
#[derive(Debug)]
pub enum Note {
    /// What it is doing now, for the progress line.
    Doing(&'static str),
    /// Something a person should know, one line.
    Warning(String),
    /// Something that only `-v` says, one line.
    Detail(String),
    /// A part of what became of records, sent ahead so that it need not be kept until the call returns.
    Settled(Outcome),
}

/// Takes what a sink says.
pub type Say<'a> = &'a mut dyn FnMut(Note);

/// Applies batches to a target, one at a time, in order.
pub trait Sink: Send {
    /// Whether it looks at `Item::repeats`, which costs the reading thread a wait for memory for each key.
    fn asks_for_repeats(&self) -> bool {
        false
    }

    /// The form in which batches reach it.
    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(Documents)
    }

    /// Applies a batch. Records whose fate is not certain yet (a transaction that is still open) may be settled by a
    /// later call; none is settled twice.
    ///
    /// # Errors
    /// `Busy`: nothing was done. Otherwise every record handed over so far has been settled in `out`.
    fn apply(&mut self, batch: &Batch, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble>;

    /// Called when no batch has come for a while: makes what was applied lasting, if that is this sink's way.
    ///
    /// # Errors
    /// As `apply`.
    fn rest(&mut self, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble>;

    /// Settles everything. `cut` says that the run ended before its input did.
    ///
    /// # Errors
    /// As `apply`.
    fn finish(&mut self, cut: bool, out: &mut Outcome, say: Say<'_>) -> Result<(), Trouble>;

    /// Settles what is not settled as not certainly stored, because the target stayed busy too long.
    fn abandon(&mut self, out: &mut Outcome);
}
