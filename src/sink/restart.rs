//! What a target knows of earlier tries of a run with a journal, and what it tells the journal. Nothing here is written to
//! the journal itself: `journal` does not depend on targets, and targets do not depend on it.

use super::{Held, Outcome, SinkError};
use std::fmt;
use std::sync::Arc;

/// A run with a journal, as its target sees it.
#[derive(Clone, Default)]
pub struct Restart {
    /// Whether there is a journal.
    pub is_journaled: bool,
    /// Whether an earlier try may have sent something.
    pub is_resumed: bool,
    /// How many lanes may send at once; the number of lanes is that of the first try.
    pub senders: Option<usize>,
    /// Collections that `--overwrite` has emptied already.
    pub emptied: Vec<String>,
    /// Called when it has emptied one, before anything is sent.
    pub on_emptied: Option<Arc<OnEmptied>>,
    /// Where names led when the run began, as the target wrote it.
    pub destinations: Vec<(String, String)>,
    /// Called with where a name leads when the run begins.
    pub on_destination: Option<Arc<OnDestination>>,
    /// Bytes of an output file that are settled.
    pub output: u64,
    /// The number of the last commit that the journal knows.
    pub commit: u64,
    /// Whether earlier tries have stored anything.
    pub has_stored: bool,
    /// Keys without a document after their last action, or perhaps without, as their hashes.
    pub keys: Arc<Vec<(u64, u8)>>,
}

/// Writes to the journal that a collection is emptied.
pub type OnEmptied = dyn Fn(&str) -> Result<(), SinkError> + Send + Sync;

/// Writes to the journal where a name leads.
pub type OnDestination = dyn Fn(&str, String) -> Result<(), SinkError> + Send + Sync;

impl fmt::Debug for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restart({})", self.is_resumed)
    }
}

/// What a target that keeps its own progress has of this run.
#[derive(Debug, Default)]
pub struct Restored {
    /// The end of the records that it has, and the digest of the input up to there.
    pub position: (u64, u64),
    /// The number of its last commit.
    pub commit: u64,
    /// The outcomes of the last commits, with their numbers.
    pub outcomes: Vec<(u64, Vec<Outcome>)>,
    /// What is applied but not final.
    pub held: Held,
}

/// What is kept whatever happens to the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The number of the commit, for a target that has commits.
    pub commit: u64,
    /// Bytes of the output, for a file.
    pub output: u64,
}
