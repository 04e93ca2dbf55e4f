//! `--journal`: what a run has sent and what is settled, so that the same command goes on after any end of the process.
//! It knows no target and no socket. Two marks per lane are enough, because the actions of a lane are always the same ones
//! in the same order: *sending* is written before a batch is sent, *settled* when everything about it is on the disk. What
//! lies between them after a restart may have been applied or not.

mod file;
mod head;
mod records;
mod state;

pub use head::{Head, InputIdentity};
pub use records::{KindTotal, Mark, Settled};
pub use state::State;
pub(crate) use state::add_kind;

use crate::sink::SinkError;
use anyhow::Result;
use file::JournalFile;
use records::Entry;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The journal of a run, shared by its lanes and the report.
#[derive(Clone, Debug)]
pub struct Journal {
    name: Arc<str>,
    file: Arc<Mutex<JournalFile>>,
}

impl Journal {
    /// Opens the journal at a path, and reads how far the run got that it belongs to. A journal of a run that has sent
    /// nothing gets this head, but keeps its run id.
    ///
    /// # Errors
    /// When it cannot be used: another run uses it, it is no journal, or it belongs to another run.
    pub fn open(path: &Path, head: Head, sync: bool) -> Result<(Journal, State)> {
        let (mut file, entries) = JournalFile::open(path, sync)?;
        let mut state = State::of(entries, &head)?;
        if !state.has_sent() {
            let run = std::mem::take(&mut state.head.run);
            state = State::new(Head { run: if run.is_empty() { head.run.clone() } else { run }, ..head });
            file.begin(&Entry::Head(state.head.clone()))?;
        }
        let name = Arc::from(path.display().to_string());
        Ok((Journal { name, file: Arc::new(Mutex::new(file)) }, state))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes that a batch is about to be sent.
    ///
    /// # Errors
    /// When it cannot be written; then the batch must not be sent.
    pub fn sending(&self, mark: Mark) -> Result<(), SinkError> {
        self.append(&Entry::Sending(mark))
    }

    /// Writes that a collection was emptied for this run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn emptied(&self, collection: &str) -> Result<(), SinkError> {
        self.append(&Entry::Emptied(collection.to_owned()))
    }

    /// Writes where a name led when the run began.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn destination(&self, name: &str, to: String) -> Result<(), SinkError> {
        self.append(&Entry::Destination(name.to_owned(), to))
    }

    /// Writes that everything up to a mark is settled, and what came of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn settled(&self, settled: Settled) -> Result<(), SinkError> {
        self.append(&Entry::Settled(Box::new(settled)))
    }

    /// Writes that the run has ended and nothing is left to do.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finished(&self, mark: Mark, exit: u8, summary: &serde_json::Value) -> Result<(), SinkError> {
        self.append(&Entry::Finished { mark, exit, summary: summary.clone() })
    }

    fn append(&self, entry: &Entry) -> Result<(), SinkError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.append(entry).map_err(|error| SinkError::stopped(format!("--journal: {}: {error}", self.name)))
    }
}
