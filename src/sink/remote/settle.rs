//! Settles a batch: send, read the answer, try again what was busy, narrow what was refused, and find out what became of
//! what was lost (DESIGN: never lose, never double). It has no socket: requests, pauses and names are given to it.
//! What surprises: nothing of a batch is sent out of order on one key, so each part is settled before the next is sent.

use super::destination::Destination;
use super::gate::Gate;
use super::memory::{Fault, Memory, SAME_FAULT};
use super::{Answer, Call, Fates, Group, Ledger, NoReply, Protocol, Reply, Say, SinkError, Traffic};
use crate::batch::Batch;
use crate::record::Reason;
use crate::retry::{Retries, Wait, Why};
use crate::sink::{Bucket, Note};
use std::collections::HashMap;
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

/// A batch on its way.
pub(super) struct Settling<'s> {
    pub(super) batch: &'s Batch,
    pub(super) protocol: &'s dyn Protocol,
    pub(super) send: &'s mut dyn FnMut(Call) -> Result<Reply, NoReply>,
    /// False when the run is asked to stop: no more waiting.
    pub(super) sleep: &'s mut dyn FnMut(Duration) -> bool,
    /// A name for each try.
    pub(super) name: &'s mut dyn FnMut() -> String,
    pub(super) retries: Retries,
    /// What generated keys begin with.
    pub(super) run: &'s str,
    pub(super) gate: &'s Gate,
    pub(super) traffic: &'s Traffic,
    pub(super) memory: &'s Memory,
    /// Where names led before the next try is sent.
    pub(super) destinations: &'s mut HashMap<String, Destination>,
    pub(super) out: &'s mut Ledger,
    pub(super) say: Say<'s>,
    pub(super) states: Vec<State>,
    /// Whether the answer of any try was lost.
    pub(super) loses: bool,
    /// The action that the server named last, which stands alone now.
    pub(super) suspect: Option<u32>,
    /// Whether the part was made smaller because the connection was lost on it more than once.
    pub(super) shrunk: bool,
    /// What actions were refused with that other requests had added the same fields at the same time.
    pub(super) races: HashMap<u32, Vec<String>>,
}

/// Whether to go on after a pause.
pub(super) enum Go {
    /// Try again.
    On,
    /// The run is asked to stop: leave it as it is.
    Leave,
}

/// What is to be sent again.
pub(super) struct Again {
    pub(super) left: Vec<u32>,
    /// Why it has to wait, if the server is busy.
    pub(super) busy: Option<String>,
}

/// A part on its way, and what its tries came to.
struct Tries {
    part: Vec<u32>,
    wait: Wait,
    refusals: u32,
    losses: u32,
}

/// Bytes of a request that no server finds too large.
const SURELY_SMALL: usize = 64 << 10;

/// Tries of a single action that a server answers with an error of its own, and of a question that gets no answer to it.
pub(super) const SINGLE_TRIES: u32 = 3;

impl Settling<'_> {
    /// Settles every action of the batch.
    ///
    /// # Errors
    /// When the target cannot be used any more; even then every record is settled.
    pub(super) fn run(mut self) -> Result<(), SinkError> {
        self.learn_names();
        let all = (0..self.batch.len() as u32).collect();
        let mut waiting = self.parts(all);
        let mut done = Ok(());
        while let Some(part) = waiting.pop() {
            done = self.part(part, &mut waiting);
            if done.is_err() {
                break;
            }
        }
        self.leave();
        let batch = self.batch;
        self.memory.lock().settled(batch.hashes().iter().copied().filter(|hash| *hash != 0));
        done
    }

    /// Settles a part, or cuts it into parts that it puts in front of those that wait.
    fn part(&mut self, part: Vec<u32>, waiting: &mut Vec<Vec<u32>>) -> Result<(), SinkError> {
        let mut tries = Tries { part, wait: Wait::new(self.retries), refusals: 0, losses: 0 };
        while matches!(self.attempt(&mut tries, waiting)?, Go::On) {}
        Ok(())
    }

    /// Sends a part once and takes the answer in.
    fn attempt(&mut self, tries: &mut Tries, waiting: &mut Vec<Vec<u32>>) -> Result<Go, SinkError> {
        if self.loses && !self.follow(&mut tries.part, &mut tries.wait)? || tries.part.is_empty() {
            return Ok(Go::Leave);
        }
        let part = &tries.part;
        let name = (self.name)();
        let each = self.out.shows() || self.loses && part.iter().any(|at| self.states[*at as usize].lost);
        let group = Group { batch: self.batch, at: part, each };
        let call = self.protocol.request(group, name.clone());
        let size = call.body.len();
        if part.iter().any(|at| self.states[*at as usize].sent) {
            self.traffic.sent_again();
        }
        let reply = (self.send)(call);
        let answer = match &reply {
            Err(NoReply::NotSent { why, hopeless: true }) => return Err(SinkError::stopped(why.clone())),
            Err(NoReply::NotSent { why, .. }) => return self.pause(&mut tries.wait, Why::Away, None, why),
            Err(NoReply::Lost(why)) => Answer::Lost(why.clone()),
            // After a lost try it matters which index an item names.
            Ok(reply) => self.protocol.answer(group, reply, each),
        };
        if let Answer::Items(fates) = &answer
            && !each
            && self.end_all(group, fates)
        {
            self.gate.grow();
            return Ok(Go::Leave);
        }
        part.iter().for_each(|at| self.states[*at as usize].sent = true);
        let asked = reply.as_ref().ok().and_then(|reply| reply.retry_after);
        match answer {
            Answer::Items(fates) => self.items(tries, each, fates, reply.as_ref().ok()),
            Answer::Busy(why) => {
                self.gate.shrink();
                self.pause(&mut tries.wait, Why::Busy, asked, &why)
            }
            Answer::Closed(why) => Err(SinkError::stopped(why)),
            Answer::TooLarge(why) => self.too_large(tries, why, size, waiting),
            Answer::Refused { reason, perhaps_done, culprit } => {
                if perhaps_done {
                    self.lose(&mut tries.part);
                }
                if let [only] = tries.part[..] {
                    return self.refused(only, tries, (reason, perhaps_done), asked, waiting);
                }
                tries.part = self.narrow(std::mem::take(&mut tries.part), culprit, waiting);
                Ok(Go::On)
            }
            Answer::Lost(why) => {
                self.mark_lost(&tries.part);
                if !self.is_over(&name, &tries.part)? {
                    return Ok(Go::Leave);
                }
                // Some servers close the connection on what is too large for them, and say so to nobody.
                let may_be_large = reply.is_err() && size > SURELY_SMALL;
                if !self.may_send_again(tries, may_be_large, waiting) {
                    return Ok(Go::Leave);
                }
                self.pause(&mut tries.wait, Why::Busy, asked, &why)
            }
        }
    }

    /// Leaves of a part that was lost what may be sent again, a second time less of it; false if that is nothing.
    fn may_send_again(&mut self, tries: &mut Tries, may_be_large: bool, waiting: &mut Vec<Vec<u32>>) -> bool {
        self.lose(&mut tries.part);
        tries.losses += 1;
        if tries.losses > 1 && tries.part.len() > 1 && may_be_large {
            tries.part = self.halve(&mut tries.part, waiting);
            self.shrunk = true;
        }
        !tries.part.is_empty()
    }

    /// Takes in what became of each action; what was not carried out stays in the part.
    fn items(&mut self, tries: &mut Tries, each: bool, fates: Fates, reply: Option<&Reply>) -> Result<Go, SinkError> {
        let group = Group { batch: self.batch, at: &tries.part, each };
        self.accepted(group);
        let before = tries.part.len();
        let taken = self.take(group, fates.of_each(), reply, &mut tries.wait)?;
        let Some(Again { left, busy }) = taken else { return Ok(Go::Leave) };
        tries.part = left;
        if tries.part.is_empty() {
            self.gate.grow();
            return Ok(Go::Leave);
        }
        if tries.part.len() < before {
            tries.wait.progress();
        }
        let Some(busy) = busy else { return Ok(if self.fields_are_there() { Go::On } else { Go::Leave }) };
        self.gate.shrink();
        self.pause(&mut tries.wait, Why::Busy, reply.and_then(|reply| reply.retry_after), &busy)
    }

    /// Cuts a part that the server finds too large, as long as it is not a single action.
    fn too_large(
        &mut self,
        tries: &mut Tries,
        why: String,
        size: usize,
        waiting: &mut Vec<Vec<u32>>,
    ) -> Result<Go, SinkError> {
        if let [only] = tries.part[..] {
            self.end_refused(only, Reason::new("too_large", why), &mut tries.wait)?;
            return Ok(Go::Leave);
        }
        tries.part = self.halve(&mut tries.part, waiting);
        self.memory.lock().too_large_above(size / 2);
        Ok(Go::On)
    }

    /// Settles a single action that the server refuses, or tries it again: an error of the server's own may pass.
    fn refused(
        &mut self,
        only: u32,
        tries: &mut Tries,
        (reason, perhaps_done): (Reason, bool),
        asked: Option<Duration>,
        waiting: &mut Vec<Vec<u32>>,
    ) -> Result<Go, SinkError> {
        tries.refusals += 1;
        if perhaps_done && tries.refusals < SINGLE_TRIES {
            return self.pause(&mut tries.wait, Why::Busy, asked, &reason.text);
        }
        let fault = self.memory.lock().refused(&reason.text, perhaps_done);
        let text = reason.text.clone();
        if self.end_refused(only, reason, &mut tries.wait)? {
            match fault {
                Fault::Actions => {}
                Fault::Unclear(probe) => self.probe(probe, waiting),
                Fault::Requests => self.stop_if_refused(perhaps_done, &text)?,
            }
        }
        Ok(Go::Leave)
    }

    /// Settles an action that the server does not take; false if the run is asked to stop.
    fn end_refused(&mut self, only: u32, reason: Reason, wait: &mut Wait) -> Result<bool, SinkError> {
        if self.states[only as usize].lost {
            return self.read_back(vec![(only, Some(reason), None)], wait);
        }
        self.end(only, Bucket::Error, Some(reason), None);
        Ok(true)
    }

    /// Ends the run after the same refusal again and again. That of requests has to be that of all lanes: what others still
    /// wait for may be taken.
    fn stop_if_refused(&mut self, is_servers: bool, text: &str) -> Result<(), SinkError> {
        let memory = self.memory;
        match is_servers {
            true => Err(SinkError::stopped(format!("the server failed {SAME_FAULT} times in a row: {text}"))),
            false if self.gate.close_if(|| memory.lock().is_refused()) => {
                Err(SinkError::stopped(memory.lock().refused_every_request()))
            }
            false => Ok(()),
        }
    }

    /// Remembers what it says of the server that it has taken a request.
    pub(super) fn accepted(&mut self, group: Group<'_>) {
        let mut memory = self.memory.lock();
        memory.accepts();
        if std::mem::take(&mut self.shrunk) {
            memory.too_large_above(group.size().max(SURELY_SMALL));
        }
        memory.misled |= group.len() == 1 && self.suspect == Some(group.at[0]);
    }

    /// Waits before the next try.
    pub(super) fn pause(
        &mut self,
        wait: &mut Wait,
        why: Why,
        asked: Option<Duration>,
        text: &str,
    ) -> Result<Go, SinkError> {
        match wait.next(why, asked) {
            Err(used_up) => Err(SinkError::stopped(format!("{text} ({used_up})"))),
            Ok(pause) => {
                self.tell_pause(wait.tries(), why, pause, text);
                Ok(if (self.sleep)(pause) { Go::On } else { Go::Leave })
            }
        }
    }

    /// Says why nothing seems to happen: to everybody once it takes long, each time with `-v`.
    fn tell_pause(&mut self, tries: u32, why: Why, pause: Duration, text: &str) {
        if !matches!(why, Why::Every(_)) {
            (self.say)(Note::Detail(format!("{text}; try {} in {:.1} s", tries + 1, pause.as_secs_f64())));
        }
        // A question that is asked five times a second takes long after some more of them.
        let long = if matches!(why, Why::Every(_)) { 15 } else { 4 };
        if tries == long {
            (self.say)(Note::Warning(format!("waiting: {text}")));
        }
    }
}
