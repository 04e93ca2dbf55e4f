//! Settles a batch: sends it, reads the response, retries what was busy, bisects what was refused, and finds out the
//! outcome of requests without a response (DESIGN: never lose, never double). It has no socket: requests, pauses and
//! request ids come from outside. Actions on one key are never reordered, so each part is settled before the next is sent.

use super::destination::Destination;
use super::memory::{Fault, MAX_SAME_ERRORS, Memory};
use super::shared::Shared;
use super::{Group, Protocol, SMALL_BODY, Verdict};
use crate::action::Op;
use crate::batch::Batch;
use crate::record::Reason;
use crate::retry::{Backoff, RetryReason};
use crate::sink::http::{Request, Response, SendError};
use crate::sink::{Bucket, Ledger, Log, Note, SinkError};
use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::Duration;

/// What is known about an action while its batch is being settled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ActionState {
    pub(super) settled: bool,
    pub(super) sent: bool,
    /// How often it was sent, for `--rejects`.
    pub(super) sends: u8,
    /// It was sent in a request without a response, which may have applied it.
    pub(super) unconfirmed: bool,
}

/// What a lane provides to settle a batch.
pub(super) struct LaneIo<'s> {
    pub(super) send: &'s mut dyn FnMut(Request) -> Result<Response, SendError>,
    /// Returns false when the run is asked to stop.
    pub(super) sleep: &'s mut dyn FnMut(Duration) -> bool,
    /// Makes an id for each request.
    pub(super) next_id: &'s mut dyn FnMut() -> String,
    pub(super) report: Log<'s>,
}

/// Why a part is given up before all of its actions are settled.
pub(super) enum Abort {
    /// The run is asked to stop.
    StopRequested,
    /// The target cannot be used any more, and why.
    Failed(String),
}

impl LaneIo<'_> {
    /// Waits before the next try and reports why: each time with `-v`, and as a warning once it takes long.
    pub(super) fn pause(
        &mut self,
        wait: &mut Backoff,
        why: RetryReason,
        asked: Option<Duration>,
        text: &str,
    ) -> Result<(), Abort> {
        let pause = wait.next(why, asked).map_err(|used_up| Abort::Failed(format!("{text} ({used_up})")))?;
        let is_question = matches!(why, RetryReason::Every(_));
        if !is_question {
            let next = wait.retries() + 1;
            (self.report)(Note::Detail(format!("{text}; try {next} in {:.1} s", pause.as_secs_f64())));
        }
        // Questions are asked five times a second, so it takes more of them to be long.
        let long = if is_question { 15 } else { 4 };
        if wait.retries() == long {
            (self.report)(Note::Warning(format!("waiting: {text}")));
        }
        if (self.sleep)(pause) { Ok(()) } else { Err(Abort::StopRequested) }
    }
}

/// A batch that is being settled.
pub(super) struct Settling<'s> {
    pub(super) batch: &'s Batch,
    pub(super) protocol: &'s dyn Protocol,
    pub(super) shared: &'s Shared,
    pub(super) io: LaneIo<'s>,
    /// Where names lead before the next try is sent.
    pub(super) destinations: &'s mut HashMap<String, Destination>,
    pub(super) out: &'s mut Ledger,
    pub(super) states: Vec<ActionState>,
    /// Parts that are still to be sent; the next one is the last in the list.
    pub(super) waiting: Vec<Vec<u32>>,
    /// The failed tries of the current part.
    pub(super) tries: Tries,
    /// Whether any request got no response.
    pub(super) has_unconfirmed: bool,
    /// The action that the server named last, now in a part of its own.
    pub(super) suspect: Option<u32>,
    /// Whether the part was halved because the connection broke more than once.
    shrunk: bool,
    /// The refusals of actions that lost races for new fields.
    pub(super) races: HashMap<u32, Vec<String>>,
}

/// The failed tries of a part.
pub(super) struct Tries {
    pub(super) wait: Backoff,
    refusals: u32,
    no_responses: u32,
}

/// Tries of a single action that gets an internal error, and of a question that gets an unexpected response.
pub(super) const SINGLE_TRIES: u32 = 3;

impl<'s> Settling<'s> {
    pub(super) fn new(
        batch: &'s Batch,
        protocol: &'s dyn Protocol,
        shared: &'s Shared,
        io: LaneIo<'s>,
        destinations: &'s mut HashMap<String, Destination>,
        out: &'s mut Ledger,
    ) -> Settling<'s> {
        Settling {
            batch,
            protocol,
            shared,
            io,
            destinations,
            out,
            states: vec![ActionState::default(); batch.len()],
            waiting: Vec::new(),
            tries: Tries { wait: Backoff::new(shared.retries), refusals: 0, no_responses: 0 },
            has_unconfirmed: false,
            suspect: None,
            shrunk: false,
            races: HashMap::new(),
        }
    }

    /// Settles every action of the batch. `earlier_requests` is how the ids of the lane's requests begin.
    ///
    /// # Errors
    /// When the target cannot be used any more; even then every record is settled.
    pub(super) fn run(mut self, earlier_requests: &str) -> Result<(), SinkError> {
        let begun = if self.batch.was_sent() {
            // Where names led then cannot be known now.
            self.begin_again(earlier_requests)
        } else {
            self.resolve_new_names();
            Ok(())
        };
        self.waiting = self.parts();
        self.retain_unsettled();
        let done = match begun {
            Err(Abort::Failed(why)) => Err(SinkError::stopped(why)),
            Err(Abort::StopRequested) => Ok(()),
            Ok(()) => self.send_parts(),
        };
        self.record_unsettled();
        self.memory().add_keys(self.batch.hashes().iter().copied().filter(|hash| *hash != 0));
        done
    }

    /// Sends the parts that wait, each until it is settled.
    fn send_parts(&mut self) -> Result<(), SinkError> {
        while let Some(part) = self.waiting.pop() {
            if let Err(Abort::Failed(why)) = self.settle_part(part) {
                return Err(SinkError::stopped(why));
            }
        }
        Ok(())
    }

    /// Settles a part, or splits it and puts the pieces in front of the waiting parts.
    fn settle_part(&mut self, mut part: Vec<u32>) -> Result<(), Abort> {
        self.tries = Tries { wait: Backoff::new(self.shared.retries), refusals: 0, no_responses: 0 };
        while !part.is_empty() {
            self.attempt(&mut part)?;
        }
        Ok(())
    }

    /// Sends a part once and handles the response. What is to be sent again stays in the part.
    fn attempt(&mut self, part: &mut Vec<u32>) -> Result<(), Abort> {
        if self.has_unconfirmed {
            self.follow_moved_names(part)?;
            if part.is_empty() {
                return Ok(());
            }
        }
        let has = |what: fn(&ActionState) -> bool| part.iter().any(|index| what(&self.states[*index as usize]));
        if has(|state| state.sent) {
            self.shared.traffic.count_retry();
        }
        // After a missing response it matters which index an item names.
        let per_item = self.out.wants_results() || self.has_unconfirmed && has(|state| state.unconfirmed);
        let group = Group { batch: self.batch, indexes: part, per_item };
        let id = (self.io.next_id)();
        let request = self.protocol.request(group, id.clone());
        let size = request.body.len();
        let sent = (self.io.send)(request);
        if !matches!(sent, Err(SendError::NotSent { .. })) {
            self.count_sent(part);
        }
        let response = match sent {
            Ok(response) => response,
            Err(SendError::NotSent { why, hopeless: true }) => return Err(Abort::Failed(why)),
            Err(SendError::NotSent { why, .. }) => return self.pause(RetryReason::Unreachable, None, &why),
            // Some servers just close the connection when a request is too large.
            Err(SendError::NoResponse(why)) => {
                return self.on_no_response(part, &id, &why, None, size > SMALL_BODY);
            }
            // What fewer actions are answered with is shorter.
            Err(SendError::TooLong(why)) => return self.on_no_response(part, &id, &why, None, true),
        };
        match self.protocol.read_response(group, &response, per_item) {
            Verdict::Items(outcomes) => self.record_items(part, per_item, outcomes, &response),
            Verdict::Busy(why) => {
                self.shared.gate.shrink();
                self.pause(RetryReason::Busy, response.retry_after, &why)
            }
            Verdict::Fatal(why) => Err(Abort::Failed(why)),
            Verdict::TooLarge(why) => self.on_too_large(part, why, size),
            Verdict::Refused { reason, perhaps_done, culprit } => {
                self.on_refusal(part, reason, perhaps_done, culprit, response.retry_after)
            }
            Verdict::Unclear(why) => self.on_no_response(part, &id, &why, response.retry_after, false),
        }
    }

    /// Counts that actions were sent, whether or not a response comes.
    pub(super) fn count_sent(&mut self, part: &[u32]) {
        for index in part {
            let state = &mut self.states[*index as usize];
            (state.sent, state.sends) = (true, state.sends.saturating_add(1));
        }
    }

    /// Handles a missing response: what may be sent again stays in the part. From the second time on, a part that may be
    /// too large is halved.
    fn on_no_response(
        &mut self,
        part: &mut Vec<u32>,
        id: &str,
        why: &str,
        asked: Option<Duration>,
        may_be_large: bool,
    ) -> Result<(), Abort> {
        self.mark_unconfirmed(part);
        self.wait_until_finished(id, part)?;
        self.give_up_unrepeatable(part);
        self.tries.no_responses += 1;
        if self.tries.no_responses > 1 && part.len() > 1 && may_be_large {
            self.halve(part);
            self.shrunk = true;
        }
        if part.is_empty() { Ok(()) } else { self.pause(RetryReason::Busy, asked, why) }
    }

    /// Halves a part that is too large for the server, unless it is a single action.
    fn on_too_large(&mut self, part: &mut Vec<u32>, why: String, size: usize) -> Result<(), Abort> {
        if let [only] = part[..] {
            part.clear();
            return self.record_refused(only, Reason::new("too_large", why));
        }
        self.halve(part);
        self.memory().too_large_above(size / 2);
        Ok(())
    }

    /// Bisects a part that the server refuses. A single action is recorded, or retried: an internal error may pass.
    fn on_refusal(
        &mut self,
        part: &mut Vec<u32>,
        reason: Reason,
        perhaps_done: bool,
        culprit: Option<usize>,
        asked: Option<Duration>,
    ) -> Result<(), Abort> {
        if perhaps_done {
            self.give_up_unrepeatable(part);
        }
        let [only] = part[..] else {
            self.bisect(part, culprit);
            return Ok(());
        };
        self.tries.refusals += 1;
        if perhaps_done && self.tries.refusals < SINGLE_TRIES {
            return self.pause(RetryReason::Busy, asked, &reason.text);
        }
        part.clear();
        let fault = self.memory().record_refusal(&reason.text, perhaps_done);
        let text = reason.text.clone();
        self.record_refused(only, reason)?;
        match fault {
            Fault::Action => {}
            Fault::Unclear(probe) => self.probe(probe),
            Fault::AllRequests if perhaps_done => {
                return Err(Abort::Failed(format!("the server failed {MAX_SAME_ERRORS} times in a row: {text}")));
            }
            // Requests of other lanes that are under way may still be accepted.
            Fault::AllRequests => {
                if self.shared.gate.close_if(|| self.memory().was_always_refused()) {
                    return Err(Abort::Failed(self.memory().refusal_message()));
                }
            }
        }
        Ok(())
    }

    /// Records an action that the server refuses.
    fn record_refused(&mut self, index: u32, reason: Reason) -> Result<(), Abort> {
        if self.states[index as usize].unconfirmed {
            return self.read_back(vec![(index, Some(reason), None)]);
        }
        self.record(index, Bucket::Error, Some(reason), None);
        Ok(())
    }

    /// Records that the server has accepted a request, and what that says about its limits.
    pub(super) fn record_accepted(&mut self, group: Group<'_>) {
        let mut memory = self.memory();
        memory.record_accepted();
        if std::mem::take(&mut self.shrunk) {
            memory.too_large_above(group.size().max(SMALL_BODY));
        }
        memory.is_misled |= group.len() == 1 && self.suspect == Some(group.indexes[0]);
    }

    /// Waits before the next try of a part, or of a question about it.
    pub(super) fn pause(&mut self, why: RetryReason, asked: Option<Duration>, text: &str) -> Result<(), Abort> {
        self.io.pause(&mut self.tries.wait, why, asked, text)
    }

    pub(super) fn memory(&self) -> MutexGuard<'s, Memory> {
        self.shared.memory()
    }

    /// The key and the operation of an action.
    pub(super) fn key(&self, index: u32) -> (&'s str, Op) {
        self.batch.key(index as usize)
    }

    /// Whether an action goes to the collection of the run, and not to one that its bulk line names.
    pub(super) fn is_own(&self, index: u32) -> bool {
        self.batch.action(index as usize).collection.is_empty()
    }

    /// Whether an action may only create a document.
    pub(super) fn is_create(&self, index: u32) -> bool {
        matches!(self.key(index).1, Op::Create | Op::CreateOrIgnore)
    }

    /// Whether this run generated the key of an action. Nobody else generates such a key.
    pub(super) fn is_generated(&self, index: u32) -> bool {
        self.key(index).0.starts_with(&self.shared.run)
    }
}
