//! Where batches go: a sink applies a batch and accounts for every record in it.
//! A target is a folder here, and a row in `targets.rs`.

pub mod arangodb;
mod bulk_api;
mod dry_run;
pub(crate) mod elasticsearch;
mod file;
pub mod http;
mod kuzzle;
mod outcome;
mod paths;
pub mod remote;
mod sqlite;
pub mod target;
pub mod targets;
pub mod wanted;

pub use dry_run::DryRun;
pub use outcome::{Bucket, Counts, Failure, ItemDetails, Ledger, Outcome, ResultLine};

use crate::batch::{Batch, Documents, Encode};
use std::sync::Arc;

/// Why a sink cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub struct SinkError {
    /// One sentence.
    pub text: String,
    /// What it is for the run.
    pub ending: Ending,
    /// The bucket of what was applied and is not durable.
    pub undone: Bucket,
}

/// What it is for a run that its sink cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The target is gone, closed to us or full (exit code 4).
    Stopped,
    /// `--complete`: all of it was undone (exit code 6).
    RolledBack,
    /// Whoever takes what is written wants no more of it: no error, and what is not sent is nobody's loss.
    Enough,
}

impl SinkError {
    /// The target cannot be used any more; what is not durable was not stored.
    pub fn stopped(text: impl Into<String>) -> SinkError {
        SinkError { text: text.into(), ending: Ending::Stopped, undone: Bucket::Unsent }
    }

    /// Everything was undone, because of `--complete`.
    pub fn rolled_back(text: impl Into<String>) -> SinkError {
        SinkError { ending: Ending::RolledBack, ..SinkError::stopped(text) }
    }

    /// Whoever takes what is written wants no more of it.
    pub fn enough() -> SinkError {
        SinkError { ending: Ending::Enough, ..SinkError::stopped("") }
    }
}

/// What of the actions that a sink was handed is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// All that were applied so far.
    All,
    /// Those of the last call that said `All`; the others may still be undone.
    Earlier,
}

/// What a sink prints while it works.
#[derive(Debug)]
pub enum Note {
    /// What it is doing now, for the progress line.
    Doing(&'static str),
    /// Something a person should know, one line.
    Warning(String),
    /// Something that only `-v` prints, one line.
    Detail(String),
}

/// Takes what a sink prints.
pub type Log<'a> = &'a mut dyn FnMut(Note);

/// Applies batches to a target, one at a time, in order. Records that failed before never reach it.
pub trait Sink: Send {
    /// Whether it looks at `Item::repeats`, which costs the reading thread a wait for memory for each key.
    fn asks_for_repeats(&self) -> bool {
        false
    }

    /// The form in which batches reach it.
    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(Documents)
    }

    /// Applies a batch, which has at least one action, and settles each of them in `out`.
    ///
    /// # Errors
    /// When the target cannot be used any more; even then every action has been settled.
    fn apply(&mut self, batch: &Batch, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError>;

    /// Called when no batch has come for a while: makes what was applied durable, if that is this sink's way.
    ///
    /// # Errors
    /// As `apply`.
    fn flush_idle(&mut self, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        Ok(Durable::Earlier)
    }

    /// Makes everything durable. `clean` says that the input was read to its end and that no record failed.
    ///
    /// # Errors
    /// As `apply`.
    fn finish(&mut self, _clean: bool, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        Ok(Durable::All)
    }
}
