//! Settles a batch: send, read the answer, try again what was busy, narrow what was refused, and find out what became of
//! what was lost (DESIGN: never lose, never double). It has no socket: requests, pauses and names are given to it.
//! What surprises: nothing of a batch is sent out of order on one key, so each part is settled before the next is sent.

use super::destination::Destination;
use super::gate::Gate;
use super::memory::{Fault, Memory, SAME_FAULT};
use super::{Answer, Call, Group, Ledger, NoReply, Protocol, Reply, Say, SinkError, Traffic};
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
    fn part(&mut self, mut part: Vec<u32>, waiting: &mut Vec<Vec<u32>>) -> Result<(), SinkError> {
        let mut wait = Wait::new(self.retries);
        let (mut refusals, mut losses) = (0, 0);
        loop {
            if self.loses && !self.follow(&mut part, &mut wait)? || part.is_empty() {
                return Ok(());
            }
            let name = (self.name)();
            let each = self.out.shows() || self.loses && part.iter().any(|at| self.states[*at as usize].lost);
            let group = Group { batch: self.batch, at: &part, each };
            let call = self.protocol.request(group, name.clone());
            let size = call.body.len();
            if part.iter().any(|at| self.states[*at as usize].sent) {
                self.traffic.sent_again();
            }
            let reply = (self.send)(call);
            let answer = match &reply {
                Err(NoReply::NotSent { why, hopeless: true }) => return Err(SinkError::stopped(why.clone())),
                Err(NoReply::NotSent { why, .. }) => {
                    match self.pause(&mut wait, Why::Away, None, why)? {
                        Go::On => continue,
                        Go::Leave => return Ok(()),
                    };
                }
                Err(NoReply::Lost(why)) => Answer::Lost(why.clone()),
                // After a lost try it matters which index an item names.
                Ok(reply) => self.protocol.answer(group, reply, each),
            };
            if let Answer::Items(fates) = &answer
                && !each
                && self.end_all(group, fates)
            {
                self.gate.grow();
                return Ok(());
            }
            part.iter().for_each(|at| self.states[*at as usize].sent = true);
            let asked = reply.as_ref().ok().and_then(|reply| reply.retry_after);
            match answer {
                Answer::Items(fates) => {
                    self.accepted(group);
                    let before = part.len();
                    let taken = self.take(group, fates.of_each(), reply.as_ref().ok(), &mut wait)?;
                    let Some(Again { left, busy }) = taken else { return Ok(()) };
                    part = left;
                    if part.is_empty() {
                        self.gate.grow();
                        return Ok(());
                    }
                    if part.len() < before {
                        wait.progress();
                    }
                    let Some(busy) = busy else { if self.fields_are_there() { continue } else { return Ok(()) } };
                    self.gate.shrink();
                    if matches!(self.pause(&mut wait, Why::Busy, asked, &busy)?, Go::Leave) {
                        return Ok(());
                    }
                }
                Answer::Busy(why) => {
                    self.gate.shrink();
                    if matches!(self.pause(&mut wait, Why::Busy, asked, &why)?, Go::Leave) {
                        return Ok(());
                    }
                }
                Answer::Closed(why) => return Err(SinkError::stopped(why)),
                Answer::TooLarge(why) => {
                    if let [only] = part[..] {
                        let reason = Reason::new("too_large", why);
                        if !self.states[only as usize].lost {
                            self.end(only, Bucket::Error, Some(reason), None);
                        } else {
                            self.read_back(vec![(only, Some(reason), None)], &mut wait)?;
                        }
                        return Ok(());
                    }
                    let half = self.halve(&mut part, waiting);
                    self.memory.lock().too_large_above(size / 2);
                    part = half;
                }
                Answer::Refused { reason, perhaps_done, culprit } => {
                    if perhaps_done {
                        self.lose(&mut part);
                    }
                    match part[..] {
                        [] => return Ok(()),
                        [only] => {
                            refusals += 1;
                            // An error of the server's own may pass.
                            if perhaps_done && refusals < SINGLE_TRIES {
                                match self.pause(&mut wait, Why::Busy, asked, &reason.text)? {
                                    Go::On => continue,
                                    Go::Leave => return Ok(()),
                                }
                            }
                            let fault = self.memory.lock().refused(&reason.text, perhaps_done);
                            let text = reason.text.clone();
                            if !self.states[only as usize].lost {
                                self.end(only, Bucket::Error, Some(reason), None);
                            } else if !self.read_back(vec![(only, Some(reason), None)], &mut wait)? {
                                return Ok(());
                            }
                            match fault {
                                Fault::Actions => {}
                                Fault::Unclear(probe) => self.probe(probe, waiting),
                                Fault::Requests => return self.stop_if_refused(perhaps_done, &text),
                            }
                            return Ok(());
                        }
                        _ => part = self.narrow(part, culprit, waiting),
                    }
                }
                Answer::Lost(why) => {
                    self.mark_lost(&part);
                    if !self.is_over(&name, &part)? {
                        return Ok(());
                    }
                    self.lose(&mut part);
                    losses += 1;
                    // Some servers close the connection on what is too large for them, and say so to nobody.
                    if losses > 1 && part.len() > 1 && reply.is_err() && size > SURELY_SMALL {
                        part = self.halve(&mut part, waiting);
                        self.shrunk = true;
                    }
                    if !part.is_empty() && matches!(self.pause(&mut wait, Why::Busy, asked, &why)?, Go::Leave) {
                        return Ok(());
                    }
                }
            }
        }
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
