//! Settles a batch: send, read the answer, try again what was busy, bisect what was refused, and find out what became of
//! what was lost (DESIGN: never lose, never double). It has no socket: requests, pauses and names are given to it.
//! What surprises: nothing of a batch is sent out of order on one key, so each part is settled before the next is sent.

use super::destination::Destination;
use super::memory::{Fault, Memory, SAME_FAULT};
use super::shared::Shared;
use super::{Group, Protocol, Verdict};
use crate::action::Op;
use crate::batch::Batch;
use crate::record::Reason;
use crate::retry::{Backoff, Why};
use crate::sink::http::{Request, Response, SendError};
use crate::sink::{Bucket, Ledger, Note, Say, SinkError};
use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::Duration;

/// What is known of an action while its batch is being settled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// It has been settled.
    pub(super) settled: bool,
    /// It has been sent.
    pub(super) sent: bool,
    /// A try whose answer is not known may have carried it out.
    pub(super) lost: bool,
}

/// What a lane lends to the settling of a batch.
pub(super) struct Link<'s> {
    pub(super) send: &'s mut dyn FnMut(Request) -> Result<Response, SendError>,
    /// False when the run is asked to stop: no more waiting.
    pub(super) sleep: &'s mut dyn FnMut(Duration) -> bool,
    /// A name for each try.
    pub(super) name: &'s mut dyn FnMut() -> String,
    pub(super) say: Say<'s>,
}

/// Why a part is left before each of its actions is settled.
pub(super) enum Halt {
    /// The run is asked to stop: no more waiting.
    Asked,
    /// The target cannot be used any more, and why.
    Stopped(String),
}

impl Link<'_> {
    /// Waits before the next try, and says why nothing seems to happen: to everybody once it takes long, each time with `-v`.
    pub(super) fn pause(
        &mut self,
        wait: &mut Backoff,
        why: Why,
        asked: Option<Duration>,
        text: &str,
    ) -> Result<(), Halt> {
        let pause = wait.next(why, asked).map_err(|used_up| Halt::Stopped(format!("{text} ({used_up})")))?;
        let is_question = matches!(why, Why::Every(_));
        if !is_question {
            let next = wait.tries() + 1;
            (self.say)(Note::Detail(format!("{text}; try {next} in {:.1} s", pause.as_secs_f64())));
        }
        // A question that is asked five times a second takes long after some more of them.
        let long = if is_question { 15 } else { 4 };
        if wait.tries() == long {
            (self.say)(Note::Warning(format!("waiting: {text}")));
        }
        if (self.sleep)(pause) { Ok(()) } else { Err(Halt::Asked) }
    }
}

/// A batch on its way.
pub(super) struct Settling<'s> {
    pub(super) batch: &'s Batch,
    pub(super) protocol: &'s dyn Protocol,
    pub(super) shared: &'s Shared,
    pub(super) link: Link<'s>,
    /// Where names led before the next try is sent.
    pub(super) destinations: &'s mut HashMap<String, Destination>,
    pub(super) out: &'s mut Ledger,
    pub(super) states: Vec<State>,
    /// Parts that are still to be sent, the next one last.
    pub(super) waiting: Vec<Vec<u32>>,
    /// What the tries of the part that is being sent came to.
    pub(super) tries: Tries,
    /// Whether the answer of any try was lost.
    pub(super) loses: bool,
    /// The action that the server named last, which stands alone now.
    pub(super) suspect: Option<u32>,
    /// Whether the part was made smaller because the connection was lost on it more than once.
    shrunk: bool,
    /// What actions were refused with that other requests had added the same fields at the same time.
    pub(super) races: HashMap<u32, Vec<String>>,
}

/// What the tries of a part came to.
pub(super) struct Tries {
    pub(super) wait: Backoff,
    refusals: u32,
    losses: u32,
}

/// Bytes of a request that no server finds too large.
const SURELY_SMALL: usize = 64 << 10;

/// Tries of a single action that a server answers with an error of its own, and of a question that gets no answer to it.
pub(super) const SINGLE_TRIES: u32 = 3;

impl<'s> Settling<'s> {
    pub(super) fn new(
        batch: &'s Batch,
        protocol: &'s dyn Protocol,
        shared: &'s Shared,
        link: Link<'s>,
        destinations: &'s mut HashMap<String, Destination>,
        out: &'s mut Ledger,
    ) -> Settling<'s> {
        Settling {
            batch,
            protocol,
            shared,
            link,
            destinations,
            out,
            states: vec![State::default(); batch.len()],
            waiting: Vec::new(),
            tries: Tries { wait: Backoff::new(shared.retries), refusals: 0, losses: 0 },
            loses: false,
            suspect: None,
            shrunk: false,
            races: HashMap::new(),
        }
    }

    /// Settles every action of the batch.
    ///
    /// # Errors
    /// When the target cannot be used any more; even then every record is settled.
    pub(super) fn run(mut self) -> Result<(), SinkError> {
        self.learn_names();
        self.waiting = self.parts();
        let done = self.send_parts();
        self.leave();
        self.memory().settled(self.batch.hashes().iter().copied().filter(|hash| *hash != 0));
        done
    }

    /// Sends the parts that wait, each until it is settled.
    fn send_parts(&mut self) -> Result<(), SinkError> {
        while let Some(part) = self.waiting.pop() {
            if let Err(Halt::Stopped(why)) = self.part(part) {
                return Err(SinkError::stopped(why));
            }
        }
        Ok(())
    }

    /// Settles a part, or cuts it into parts that it puts in front of those that wait.
    fn part(&mut self, mut part: Vec<u32>) -> Result<(), Halt> {
        self.tries = Tries { wait: Backoff::new(self.shared.retries), refusals: 0, losses: 0 };
        while !part.is_empty() {
            self.attempt(&mut part)?;
        }
        Ok(())
    }

    /// Sends a part once and takes the answer in; what is to be sent again stays in the part.
    fn attempt(&mut self, part: &mut Vec<u32>) -> Result<(), Halt> {
        if self.loses {
            self.follow(part)?;
            if part.is_empty() {
                return Ok(());
            }
        }
        let has = |what: fn(&State) -> bool| part.iter().any(|at| what(&self.states[*at as usize]));
        if has(|state| state.sent) {
            self.shared.traffic.count_retry();
        }
        // After a lost try it matters which index an item names.
        let each = self.out.shows() || self.loses && has(|state| state.lost);
        let group = Group { batch: self.batch, indexes: part, per_item: each };
        let name = (self.link.name)();
        let call = self.protocol.request(group, name.clone());
        let size = call.body.len();
        let reply = match (self.link.send)(call) {
            Ok(reply) => reply,
            Err(SendError::NotSent { why, hopeless: true }) => return Err(Halt::Stopped(why)),
            Err(SendError::NotSent { why, .. }) => return self.pause(Why::Away, None, &why),
            // Some servers close the connection on what is too large for them, and say so to nobody.
            Err(SendError::NoResponse(why)) => return self.lost(part, &name, &why, None, size > SURELY_SMALL),
        };
        part.iter().for_each(|at| self.states[*at as usize].sent = true);
        match self.protocol.read_response(group, &reply, each) {
            Verdict::Items(outcomes) => self.items(part, each, outcomes, &reply),
            Verdict::Busy(why) => {
                self.shared.gate.shrink();
                self.pause(Why::Busy, reply.retry_after, &why)
            }
            Verdict::Fatal(why) => Err(Halt::Stopped(why)),
            Verdict::TooLarge(why) => self.too_large(part, why, size),
            Verdict::Refused { reason, perhaps_done, culprit } => {
                self.refused(part, reason, perhaps_done, culprit, reply.retry_after)
            }
            Verdict::Unclear(why) => self.lost(part, &name, &why, reply.retry_after, false),
        }
    }

    /// Leaves of a part whose response was not received what may be sent again; if it may be too large, less of it from the second
    /// time on.
    fn lost(
        &mut self,
        part: &mut Vec<u32>,
        name: &str,
        why: &str,
        asked: Option<Duration>,
        may_be_large: bool,
    ) -> Result<(), Halt> {
        self.mark_lost(part);
        self.wait_until_over(name, part)?;
        self.lose(part);
        self.tries.losses += 1;
        if self.tries.losses > 1 && part.len() > 1 && may_be_large {
            self.halve(part);
            self.shrunk = true;
        }
        if part.is_empty() { Ok(()) } else { self.pause(Why::Busy, asked, why) }
    }

    /// Cuts a part that the server finds too large, as long as it is not a single action.
    fn too_large(&mut self, part: &mut Vec<u32>, why: String, size: usize) -> Result<(), Halt> {
        if let [only] = part[..] {
            part.clear();
            return self.end_refused(only, Reason::new("too_large", why));
        }
        self.halve(part);
        self.memory().too_large_above(size / 2);
        Ok(())
    }

    /// Cuts a part that the server refuses. A single action is settled, or tried again: an error of the server's own may
    /// pass.
    fn refused(
        &mut self,
        part: &mut Vec<u32>,
        reason: Reason,
        perhaps_done: bool,
        culprit: Option<usize>,
        asked: Option<Duration>,
    ) -> Result<(), Halt> {
        if perhaps_done {
            self.lose(part);
        }
        let [only] = part[..] else {
            self.bisect(part, culprit);
            return Ok(());
        };
        self.tries.refusals += 1;
        if perhaps_done && self.tries.refusals < SINGLE_TRIES {
            return self.pause(Why::Busy, asked, &reason.text);
        }
        part.clear();
        let fault = self.memory().refused(&reason.text, perhaps_done);
        let text = reason.text.clone();
        self.end_refused(only, reason)?;
        match fault {
            Fault::Actions => {}
            Fault::Unclear(probe) => self.probe(probe),
            Fault::Requests if perhaps_done => {
                return Err(Halt::Stopped(format!("the server failed {SAME_FAULT} times in a row: {text}")));
            }
            // It has to be the refusal of all lanes: what others still wait for may be taken.
            Fault::Requests => {
                if self.shared.gate.close_if(|| self.memory().is_refused()) {
                    return Err(Halt::Stopped(self.memory().refused_every_request()));
                }
            }
        }
        Ok(())
    }

    /// Settles an action that the server does not take.
    fn end_refused(&mut self, only: u32, reason: Reason) -> Result<(), Halt> {
        if self.states[only as usize].lost {
            return self.read_back(vec![(only, Some(reason), None)]);
        }
        self.end(only, Bucket::Error, Some(reason), None);
        Ok(())
    }

    /// Remembers what it says of the server that it has taken a request.
    pub(super) fn accepted(&mut self, group: Group<'_>) {
        let mut memory = self.memory();
        memory.accepts();
        if std::mem::take(&mut self.shrunk) {
            memory.too_large_above(group.size().max(SURELY_SMALL));
        }
        memory.misled |= group.len() == 1 && self.suspect == Some(group.indexes[0]);
    }

    /// Waits before the next try of a part, or of a question that it depends on.
    pub(super) fn pause(&mut self, why: Why, asked: Option<Duration>, text: &str) -> Result<(), Halt> {
        self.link.pause(&mut self.tries.wait, why, asked, text)
    }

    pub(super) fn memory(&self) -> MutexGuard<'s, Memory> {
        self.shared.memory()
    }

    /// The key of an action, and its operation.
    pub(super) fn key(&self, at: u32) -> (&'s str, Op) {
        self.batch.key(at as usize)
    }

    /// Whether an action is only to be done if its key has no document.
    pub(super) fn creates(&self, at: u32) -> bool {
        matches!(self.key(at).1, Op::Create | Op::CreateOrIgnore)
    }

    /// Whether this run has made an action's key. Nobody else makes such a key.
    pub(super) fn is_generated(&self, at: u32) -> bool {
        self.key(at).0.starts_with(&self.shared.run)
    }
}
