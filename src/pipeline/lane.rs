//! What a lane does with its batches: it applies one at a time with its sink, and passes on what came of it.

use super::job::Job;
use super::journaled::LaneJournal;
use super::pace::Pace;
use crate::batch::{Batch, Limits};
use crate::journal::Mark;
use crate::report::Message;
use crate::sink::{Durable, Ending, Ledger, Log, Sink, SinkError};
use crate::stop::Stop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};

/// A lane: one thread, one sink, one batch at a time.
pub(super) struct Lane<'r> {
    pub(super) sink: Box<dyn Sink>,
    pub(super) ledger: Ledger,
    pub(super) messages: SyncSender<Message>,
    pub(super) stop: Stop,
    /// Whether reading ended early. Valid once reading has ended.
    pub(super) cut: &'r AtomicBool,
    /// Whether the sink failed and cannot continue.
    pub(super) ended: bool,
    pub(super) journal: Option<LaneJournal>,
    pub(super) pace: Option<Pace>,
}

impl Lane<'_> {
    pub(super) fn run(mut self, arriving: &Receiver<Job>, returned: &Sender<Batch>, limits: Limits) {
        loop {
            match arriving.recv_timeout(limits.interval) {
                Ok(Job { mut batch, collection, leave_unsent, mark, skipped }) => {
                    self.wait_for_turn(&batch);
                    self.sink.skip(&skipped);
                    let is_whole = self.begin(&batch, mark);
                    self.ledger.select(collection);
                    self.ledger.reject(&batch);
                    let is_over = self.ended || self.stop.is_sending_over();
                    let leave_unsent = leave_unsent || is_over || batch.is_empty() || !is_whole;
                    self.call(|sink, ledger, report| {
                        if leave_unsent {
                            ledger.leave_unsent(&batch, 0);
                            return Ok(Durable::Earlier);
                        }
                        let done = sink.apply(&batch, ledger, report);
                        ledger.hold(&batch).and(done)
                    });
                    self.settle(&batch, leave_unsent);
                    batch.clear(limits.bytes);
                    let _ = returned.send(batch);
                }
                Err(RecvTimeoutError::Timeout) if self.ended => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.call(|sink, ledger, report| sink.flush_idle(ledger, report));
                    self.settle_kept();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if !self.ended {
            let clean = !self.cut.load(Ordering::SeqCst) && !self.ledger.has_failed();
            self.call(|sink, ledger, report| sink.finish(clean, ledger, report));
            self.settle_kept();
        }
        if self.journal.is_some() {
            LaneJournal::end(&mut self.ledger, &self.messages);
        }
    }

    /// Waits until `--max-rate` lets a batch be sent.
    fn wait_for_turn(&self, batch: &Batch) {
        if let Some(pace) = self.pace.as_ref().filter(|_| !self.ended) {
            pace.wait(batch.len(), &self.stop);
        }
    }

    /// Writes to the journal that a batch is about to be sent. False if it must not be.
    fn begin(&mut self, batch: &Batch, mark: Mark) -> bool {
        let Some(journal) = self.journal.as_mut().filter(|_| !batch.has_no_records()) else { return true };
        if journal.has_gap {
            self.ledger.begin_late();
            return false;
        }
        // What never was a good record is not sent.
        let is_sent = !batch.is_empty() && !self.ended;
        if let Some(error) = is_sent.then(|| journal.journal.sending(mark).err()).flatten() {
            journal.has_gap = true;
            self.end_before(error);
            return false;
        }
        journal.mark = Some(mark);
        self.ledger.position = (mark.upto, mark.digest);
        true
    }

    /// Ends the sink before a batch that must not be sent. What it has applied and holds of earlier batches is final, and what
    /// follows is not.
    fn end_before(&mut self, error: SinkError) {
        let _ = self.messages.send(Message::Stopped(error));
        self.stop.request();
        self.call(|sink, ledger, report| sink.finish(false, ledger, report));
        self.ended = true;
        self.ledger.begin_late();
    }

    /// Settles a batch in the journal, unless a part of it was not sent.
    fn settle(&mut self, batch: &Batch, leave_unsent: bool) {
        if batch.is_empty() && self.journal.is_some() && !self.ended {
            // Bad records alone must not wait for a good one.
            self.call(|sink, ledger, report| sink.flush_idle(ledger, report));
        }
        let Some(journal) = &mut self.journal else { return };
        let is_left = leave_unsent && !batch.is_empty();
        journal.has_gap |= is_left || self.ended || !LaneJournal::is_final(&self.ledger, &self.stop);
        self.settle_kept();
    }

    fn settle_kept(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        if self.ended {
            return;
        }
        if let Some(kept) = self.sink.kept() {
            journal.settle(&mut self.ledger, kept, &self.messages);
        }
    }

    /// Calls the sink and handles its result.
    fn call(&mut self, call: impl FnOnce(&mut dyn Sink, &mut Ledger, Log<'_>) -> Result<Durable, SinkError>) {
        let Lane { sink, ledger, messages, .. } = self;
        let done = call(&mut **sink, ledger, &mut |note| drop(messages.send(Message::Note(note))));
        match &done {
            Ok(Durable::All) => ledger.durable(),
            Ok(Durable::Earlier) => {}
            Err(error) => ledger.undo(error.undone),
        }
        ledger.flush();
        if let Err(error) = done {
            // With `--rejects`, the rest is read and reported as not sent, unless nobody wants more, or the next try of a run
            // with a journal sends it.
            match error.ending {
                Ending::Stopped | Ending::RolledBack if ledger.wants_rejects() && self.journal.is_none() => {
                    self.stop.end_sending();
                }
                _ => self.stop.request(),
            }
            let _ = messages.send(Message::Stopped(error));
            self.ended = true;
        }
    }
}
