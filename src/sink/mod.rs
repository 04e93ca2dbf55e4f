//! Where batches go: a sink applies a batch and reports an outcome for every record in it.
//! A target is a folder here, and a row in `targets.rs`.

pub mod arangodb;
mod bulk_api;
mod dry_run;
pub(crate) mod elasticsearch;
mod file;
mod held;
pub mod http;
mod kuzzle;
mod outcome;
mod paths;
pub mod remote;
pub mod restart;
mod sqlite;
pub mod target;
pub mod targets;
pub mod wanted;

pub use dry_run::DryRun;
pub use outcome::{
    Bucket, Counts, Failure, Held, ItemDetails, Ledger, NamedCounts, Outcome, OutcomeWishes, Reject, ResultLine,
};
pub(crate) use paths::same_file;

use crate::batch::{Batch, Documents, Encode};
use std::sync::Arc;

/// Why a sink cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub struct SinkError {
    /// One sentence.
    pub text: String,
    /// How the run ends.
    pub ending: Ending,
    /// The bucket for records that were applied but are not durable.
    pub undone: Bucket,
}

/// How a run ends when its sink cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The target is unreachable, refuses access, or is full (exit code 4).
    Stopped,
    /// `--complete`: everything was rolled back (exit code 6).
    RolledBack,
    /// The reader of the output has closed it. This is no error, and unsent records do not count as lost.
    Enough,
}

impl SinkError {
    /// The target can no longer be used; what is not durable was not stored.
    pub fn stopped(text: impl Into<String>) -> SinkError {
        SinkError { text: text.into(), ending: Ending::Stopped, undone: Bucket::Unsent }
    }

    /// Everything was rolled back, because of `--complete`.
    pub fn rolled_back(text: impl Into<String>) -> SinkError {
        SinkError { ending: Ending::RolledBack, ..SinkError::stopped(text) }
    }

    /// The reader of the output has closed it.
    pub fn enough() -> SinkError {
        SinkError { ending: Ending::Enough, ..SinkError::stopped("") }
    }
}

/// Which of the applied actions are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// All actions applied so far.
    All,
    /// Those up to the last call that returned `All`; later ones may still be rolled back.
    Earlier,
}

/// What a sink reports while it works.
#[derive(Debug)]
pub enum Note {
    /// The current step, for the progress line.
    Doing(&'static str),
    /// A warning, one line.
    Warning(String),
    /// A line that only `-v` prints.
    Detail(String),
}

/// Where a sink reports its notes.
pub type Log<'a> = &'a mut dyn FnMut(Note);

/// Applies batches to a target, one at a time, in order. Rejected records never reach it.
pub trait Sink: Send {
    /// Whether it uses `repeats` of a batch's items. That costs the reading thread a memory access for each key.
    fn asks_for_repeats(&self) -> bool {
        false
    }

    /// How the actions of its batches are encoded.
    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(Documents)
    }

    /// Applies a batch of at least one action, and settles each action in `out`. A sink may hold a copy of the batch and settle
    /// it later, at the latest before it returns `Durable::All`, an error, or from `finish`.
    ///
    /// # Errors
    /// When the target can no longer be used. Even then every action has been settled.
    fn apply(&mut self, batch: &Batch, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError>;

    /// Called when no batch has arrived for a while. A sink may then make what was applied durable.
    ///
    /// # Errors
    /// As `apply`.
    fn flush_idle(&mut self, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        Ok(Durable::Earlier)
    }

    /// With a journal: what an earlier try of this run left in a target that keeps its own progress.
    fn restored(&mut self) -> Option<restart::Restored> {
        None
    }

    /// With a journal: keys of actions that earlier tries of this run have settled, as their hashes.
    fn skip(&mut self, _keys: &[u64]) {}

    /// With a journal: whether everything up to here is kept whatever happens to the process.
    fn kept(&mut self) -> Option<restart::Kept> {
        Some(restart::Kept::default())
    }

    /// Makes everything durable. `clean` means that the input was read to its end and no record failed.
    ///
    /// # Errors
    /// As `apply`.
    fn finish(&mut self, _clean: bool, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        Ok(Durable::All)
    }
}
