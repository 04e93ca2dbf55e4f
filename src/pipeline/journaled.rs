//! What a lane does for the journal: before a batch is sent it writes how far it will be, and afterwards it waits until the
//! report has written what came of it. So at most one batch of a lane is unsettled at any moment.

use crate::journal::{Journal, Mark};
use crate::report::{Message, SettledBatch};
use crate::sink::restart::Kept;
use crate::sink::{Bucket, Ledger};
use crate::stop::Stop;
use std::sync::mpsc::{SyncSender, sync_channel};

/// The journal as a lane sees it.
pub(super) struct LaneJournal {
    pub(super) journal: Journal,
    /// The last mark of the lane, once there is one.
    pub(super) mark: Option<Mark>,
    /// The last one that is settled.
    settled: Option<(Mark, Kept)>,
    /// Whether something before is not settled and will not be in this try: nothing after it may be sent.
    pub(super) has_gap: bool,
}

impl LaneJournal {
    pub(super) fn new(journal: Journal) -> LaneJournal {
        LaneJournal { journal, mark: None, settled: None, has_gap: false }
    }

    /// Whether the outcomes of a lane are final: records that were not sent are sent by the next try.
    pub(super) fn is_final(ledger: &Ledger, stop: &Stop) -> bool {
        ledger.count_kept(Bucket::Unsent) == 0 && (ledger.count_kept(Bucket::Unknown) == 0 || !stop.is_requested())
    }

    /// Passes the outcomes so far to the report and waits until they are in the journal.
    pub(super) fn settle(&mut self, ledger: &mut Ledger, kept: Kept, messages: &SyncSender<Message>) {
        let Some(mark) = self.mark.filter(|_| !self.has_gap) else { return };
        if self.settled == Some((mark, kept)) {
            return;
        }
        let (done, written) = sync_channel(1);
        let batch = SettledBatch { outcomes: ledger.take_kept(), mark: Some(mark), kept, done: Some(done) };
        let _ = messages.send(Message::Settled(batch));
        match written.recv() {
            Ok(true) => self.settled = Some((mark, kept)),
            _ => self.has_gap = true,
        }
    }

    /// Passes on the outcomes of what is not settled.
    pub(super) fn end(ledger: &mut Ledger, messages: &SyncSender<Message>) {
        let outcomes = ledger.take_kept();
        if !outcomes.is_empty() {
            let batch = SettledBatch { outcomes, mark: None, kept: Kept::default(), done: None };
            let _ = messages.send(Message::Settled(batch));
        }
    }
}
