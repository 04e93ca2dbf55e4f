//! What the reading thread gives to a lane.

use crate::batch::Batch;
use crate::journal::Mark;

/// A batch for a lane.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    /// The collection of its records, as an index among those of the run.
    pub(super) collection: usize,
    /// Whether it must not be sent, because earlier actions were not sent either.
    pub(super) leave_unsent: bool,
    /// How far the lane is with it.
    pub(super) mark: Mark,
    /// Keys of actions before it that earlier tries of the run have settled, as their hashes.
    pub(super) skipped: Vec<u64>,
}
