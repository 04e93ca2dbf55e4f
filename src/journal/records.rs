//! The records of a journal.

use super::Head;
use crate::record::Origin;
use crate::sink::{Counts, NamedCounts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The lane; none if it is true of all lanes.
    pub lane: Option<usize>,
    /// All records of the lane with lower ordinals.
    pub upto: u64,
    /// The digest of all input up to there.
    pub digest: u64,
}

/// What came of the records up to a mark, since the mark before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settled {
    /// The mark.
    pub mark: Mark,
    /// The number of the commit with these records, for a target that keeps its own progress.
    pub commit: u64,
    /// Records by bucket, for each collection of the run.
    pub counts: Vec<Counts>,
    /// Those of them whose bulk lines name a collection.
    #[serde(default, skip_serializing_if = "NamedCounts::is_empty")]
    pub named: NamedCounts,
    /// Errors by kind.
    pub kinds: Vec<KindTotal>,
    /// Keys that have no document, or perhaps none, or have one again, as their hashes.
    pub keys: Vec<(u64, u8)>,
    /// Bytes of the file of `--results` so far.
    pub results: u64,
    /// Bytes of the file of `--rejects` so far, and records in it.
    pub rejects: (u64, u64),
    /// Bytes of the output so far, for a target that is a file.
    pub output: u64,
    /// Requests, retries, bytes and uncertain records of all tries so far.
    pub traffic: [u64; 4],
}

/// Errors of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KindTotal {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Where the first one was found.
    pub first: Origin,
    /// Its reason.
    pub reason: String,
}

/// A record of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// The first one.
    Head(Head),
    /// A batch is about to be sent.
    Sending(Mark),
    /// `--overwrite` has emptied a collection.
    Emptied(String),
    /// Where a name led when the run began.
    Destination(String, String),
    /// Everything up to a mark is settled.
    Settled(Box<Settled>),
    /// The run has ended, and nothing is left to do.
    Finished { mark: Mark, exit: u8, summary: Value },
}
