//! Where batches go: a sink applies a batch and accounts for every record in it.
//! A target is one implementation here and one column in `on_duplicate.rs`.

mod dry_run;
mod on_duplicate;
pub mod sqlite;

pub use dry_run::DryRun;
pub use on_duplicate::OnDuplicate;

use crate::batch::Batch;
use crate::record::{Origin, Reason};

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
    /// Sent, and the answer never came.
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

/// A record that was rejected, and why.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where it was found.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
}

/// What became of records: their counts, and a failure for each error among them.
#[derive(Debug, Default)]
pub struct Outcome {
    counts: Counts,
    failures: Vec<Failure>,
}

impl Outcome {
    /// Counts an error.
    pub fn fail(&mut self, origin: Origin, reason: Reason) {
        self.counts.errors += 1;
        self.failures.push(Failure { origin, reason });
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
                Ok(_) => self.settle(Counts { unsent: 1, ..Counts::default() }),
                Err(reason) => self.fail(item.origin, reason.clone()),
            }
        }
    }

    /// Takes in what another outcome holds.
    pub fn absorb(&mut self, other: Outcome) {
        self.counts.add(other.counts);
        self.failures.extend(other.failures);
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
