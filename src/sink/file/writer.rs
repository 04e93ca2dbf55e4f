//! Writes batches, in the order of the input, and accounts for what was written.

use super::output::{Failed, Output, has_no_reader, why};
use crate::action::Op;
use crate::batch::{Batch, Encode};
use crate::sink::bulk_api::verb;
use crate::sink::{Bucket, Durable, ItemDetails, Ledger, Note, Say, Sink, SinkError};
use std::ops::Range;
use std::sync::Arc;

/// The one sink of a run into a file.
pub(super) struct Writer {
    pub(super) output: Output,
    pub(super) encoder: Arc<dyn Encode>,
    /// Whether bulk lines are written, else documents.
    pub(super) is_bulk: bool,
    /// `--complete`.
    pub(super) complete: bool,
    /// The collection of the records so far; a file of documents does not name it.
    pub(super) collection: Option<String>,
    /// Whether it was said that there are several.
    pub(super) has_noted: bool,
}

const ROLLED_BACK: &str = "everything was rolled back, because of --complete";

impl Writer {
    /// What an action counts as: what it asks for.
    fn bucket(&self, op: Op) -> Bucket {
        match op {
            Op::Upsert | Op::Update if self.is_bulk => Bucket::Updated,
            Op::Delete => Bucket::Deleted,
            _ => Bucket::Created,
        }
    }

    fn settle(&self, batch: &Batch, indices: Range<usize>, out: &mut Ledger) {
        if batch.is_of_one_kind() && !out.shows() && !indices.is_empty() {
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
            out.settle(batch, index, self.bucket(op), None, out.shows().then(details));
        }
    }

    /// Says once that documents do not keep the names of several collections.
    fn note_collections(&mut self, batch: &Batch, say: Say<'_>) {
        if self.is_bulk || self.has_noted || !batch.names_collections() {
            return;
        }
        for (_, action) in batch.actions_from(0).filter(|(_, action)| !action.collection.is_empty()) {
            let first = self.collection.get_or_insert_with(|| action.collection.to_owned());
            if first != action.collection {
                self.has_noted = true;
                let name = self.output.name();
                return say(Note::Warning(format!(
                    "note: {name}: the lines name several collections, which documents do not keep; --to bulk:PATH does"
                )));
            }
        }
    }

    /// Settles a batch of which a part may be written, and ends the output.
    fn fail(&mut self, batch: &Batch, failed: &Failed, out: &mut Ledger) -> SinkError {
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
        let why = why(self.output.name(), &failed.error);
        if !self.complete
            && self.output.cut(whole).and_then(|()| self.output.close()).is_ok()
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

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        self.note_collections(batch, say);
        let all: Vec<u32> = (0..batch.len() as u32).collect();
        match self.output.write(&batch.text(&all)) {
            Err(failed) => Err(self.fail(batch, &failed, out)),
            Ok(()) => {
                self.settle(batch, 0..batch.len(), out);
                Ok(if self.output.is_renamed_at_the_end() { Durable::Earlier } else { Durable::All })
            }
        }
    }

    fn finish(&mut self, clean: bool, _: &mut Ledger, _: Say<'_>) -> Result<Durable, SinkError> {
        if self.complete && !clean {
            return Err(SinkError::rolled_back(ROLLED_BACK));
        }
        let Err(error) = self.output.close() else { return Ok(Durable::All) };
        if has_no_reader(&error) {
            return Err(SinkError::enough());
        }
        Err(self.error(why(self.output.name(), &error)))
    }
}
