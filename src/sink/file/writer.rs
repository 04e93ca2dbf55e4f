//! Writes batches in the order of the input, and settles their actions.

use super::output::{Output, WriteError, error_text, has_no_reader};
use crate::action::Op;
use crate::batch::{Batch, Encode};
use crate::sink::bulk_api::verb;
use crate::sink::restart::{Kept, Restored};
use crate::sink::{Bucket, Durable, ItemDetails, Ledger, Log, Note, Sink, SinkError};
use std::ops::Range;
use std::sync::Arc;

/// The sink of a run into a file, which has one lane.
pub(super) struct Writer {
    pub(super) output: Output,
    pub(super) encoder: Arc<dyn Encode>,
    /// Whether it writes bulk lines; otherwise documents.
    pub(super) is_bulk: bool,
    /// `--complete`.
    pub(super) complete: bool,
    /// The collection of the records so far, which documents do not name.
    pub(super) collection: Option<String>,
    /// Whether the input files name the collections; otherwise bulk lines do.
    pub(super) are_named_by_file: bool,
    /// Whether the warning about several collections was given.
    pub(super) has_warned: bool,
    /// Whether a journal has the length of what was written, so that it is kept whatever happens to the process.
    pub(super) is_journaled: bool,
}

const ROLLED_BACK: &str = "everything was rolled back, because of --complete";

impl Writer {
    /// An action counts as what it requests.
    fn bucket(&self, op: Op) -> Bucket {
        match op {
            Op::Upsert | Op::Update if self.is_bulk => Bucket::Updated,
            Op::Delete => Bucket::Deleted,
            _ => Bucket::Created,
        }
    }

    fn settle(&self, batch: &Batch, indices: Range<usize>, out: &mut Ledger) {
        if batch.has_one_op() && !out.wants_results() && !indices.is_empty() {
            return out.settle_many(self.bucket(batch.key(0).1), indices.len() as u64);
        }
        for index in indices {
            let op = batch.key(index).1;
            let details = || {
                let collection = Some(batch.action(index).collection).filter(|name| !name.is_empty());
                let name = collection.or(self.collection.as_deref()).unwrap_or_default();
                let op = if self.is_bulk { verb(op) } else { "create" };
                Box::new(ItemDetails { op: op.to_owned(), index: name.to_owned(), ..ItemDetails::default() })
            };
            out.settle(batch, index, self.bucket(op), None, out.wants_results().then(details));
        }
    }

    /// Warns once that documents lose the names of several collections.
    fn warn_of_collections(&mut self, batch: &Batch, log: Log<'_>) {
        if self.is_bulk || self.has_warned || !batch.names_collections() {
            return;
        }
        for (_, action) in batch.actions_from(0).filter(|(_, action)| !action.collection.is_empty()) {
            let first = self.collection.get_or_insert_with(|| action.collection.to_owned());
            if first != action.collection {
                self.has_warned = true;
                let name = self.output.name();
                let what = if self.are_named_by_file { "files" } else { "lines" };
                return log(Note::Warning(format!(
                    "note: {name}: the {what} name several collections, which documents do not keep; --to bulk:PATH does"
                )));
            }
        }
    }

    /// Settles a batch of which only a part may be written, and closes the output.
    fn fail(&mut self, batch: &Batch, failed: &WriteError, out: &mut Ledger) -> SinkError {
        let (mut whole, mut count) = (0, 0);
        while count < batch.len() && whole + batch.size(count) <= failed.written {
            whole += batch.size(count);
            count += 1;
        }
        self.settle(batch, 0..count, out);
        out.leave_unsent(batch, count);
        if !self.output.is_renamed_at_the_end() {
            out.durable();
            if has_no_reader(&failed.error) {
                return SinkError::enough();
            }
        }
        let why = error_text(self.output.name(), &failed.error);
        if !self.complete
            && self.output.truncate(whole).and_then(|()| self.output.close()).is_ok()
            && self.output.is_renamed_at_the_end()
        {
            out.durable();
            return SinkError::stopped(format!("{why}; the records that fitted are kept"));
        }
        self.error(why)
    }

    fn error(&self, why: String) -> SinkError {
        if self.complete {
            return SinkError::rolled_back(format!("{ROLLED_BACK}: {why}"));
        }
        SinkError::stopped(why)
    }
}

impl Sink for Writer {
    fn encoder(&self) -> Arc<dyn Encode> {
        self.encoder.clone()
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError> {
        self.warn_of_collections(batch, log);
        let all: Vec<u32> = (0..batch.len() as u32).collect();
        match self.output.write(&batch.text(&all)) {
            Err(failed) => Err(self.fail(batch, &failed, out)),
            Ok(()) => {
                self.settle(batch, 0..batch.len(), out);
                let is_later = self.output.is_renamed_at_the_end() && !self.is_journaled;
                Ok(if is_later { Durable::Earlier } else { Durable::All })
            }
        }
    }

    fn restored(&mut self) -> Option<Restored> {
        // The journal has all there is to know.
        Some(Restored::default())
    }

    fn kept(&mut self) -> Option<Kept> {
        Some(Kept { output: self.output.length(), ..Kept::default() })
    }

    fn finish(&mut self, clean: bool, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        if self.complete && !clean {
            return Err(SinkError::rolled_back(ROLLED_BACK));
        }
        let Err(error) = self.output.close() else { return Ok(Durable::All) };
        if has_no_reader(&error) {
            return Err(SinkError::enough());
        }
        Err(self.error(error_text(self.output.name(), &error)))
    }
}
