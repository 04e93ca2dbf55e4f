//! Settles a batch: send, read the answer, try again what was busy, narrow what was refused, and find out what became of
//! what was lost (DESIGN: never lose, never double). It has no socket: requests, pauses and names are given to it.
//! What surprises: nothing of a batch is sent out of order on one key, so each part is settled before the next is sent.

use super::gate::Gate;
use super::memory::{Fault, Left, Memory};
use super::sentence;
use super::{Answer, Call, Fate, Group, NoReply, Outcome, Protocol, Reply, Say, Shown, Stored, Told, Traffic, Trouble};
use crate::action::Op;
use crate::batch::Batch;
use crate::record::Reason;
use crate::retry::{Retries, Wait, Why};
use crate::sink::{Bucket, Note};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What is known of an action while its batch is being settled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// It has been settled.
    settled: bool,
    /// It has been sent.
    sent: bool,
    /// A try whose answer is not known may have carried it out.
    lost: bool,
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
    pub(super) memory: &'s mut Memory,
    pub(super) out: &'s mut Outcome,
    pub(super) say: Say<'s>,
    pub(super) states: Vec<State>,
    /// The action that the server named last, which stands alone now.
    pub(super) suspect: Option<u32>,
}

/// Whether to go on after a pause.
enum Go {
    /// Try again.
    On,
    /// The run is asked to stop: leave it as it is.
    Leave,
}

/// How often it is asked whether a lost request is still under way.
const ASK: Duration = Duration::from_millis(200);
/// Tries of a single action that a server answers with an error of its own.
const SINGLE_TRIES: u32 = 3;

impl Settling<'_> {
    /// Settles every record of the batch.
    ///
    /// # Errors
    /// When the target cannot be used any more; even then every record is settled.
    pub(super) fn run(mut self) -> Result<(), Trouble> {
        let mut all = Vec::with_capacity(self.batch.len());
        for place in 0..self.batch.len() {
            match self.batch.rejected(place) {
                None => all.push(place as u32),
                Some(reason) => {
                    let origin = self.batch.item(place).origin;
                    self.out.end(origin, Bucket::Error, Some(reason.clone()), None, "");
                }
            }
        }
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
        self.memory.settled((0..batch.len()).map(|place| batch.item(place).hash).filter(|hash| *hash != 0));
        done
    }

    /// Cuts a list into parts that the server takes, as far as it is known what it takes; the first part comes last.
    fn parts(&self, list: Vec<u32>) -> Vec<Vec<u32>> {
        let Some(largest) = self.memory.largest else { return vec![list] };
        let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
        for at in list {
            let size = self.batch.size(at as usize);
            if !part.is_empty() && bytes + size > largest {
                parts.push(std::mem::take(&mut part));
                bytes = 0;
            }
            bytes += size;
            part.push(at);
        }
        parts.push(part);
        parts.reverse();
        parts
    }

    /// Settles a part, or cuts it into parts that it puts in front of those that wait.
    fn part(&mut self, mut part: Vec<u32>, waiting: &mut Vec<Vec<u32>>) -> Result<(), Trouble> {
        let mut wait = Wait::new(self.retries);
        let mut refusals = 0;
        loop {
            if part.is_empty() {
                return Ok(());
            }
            let name = (self.name)();
            let call = self.protocol.request(Group { batch: self.batch, at: &part }, name.clone());
            let size = call.body.len();
            if part.iter().any(|at| self.states[*at as usize].sent) {
                self.traffic.sent_again();
            }
            let reply = (self.send)(call);
            if !matches!(reply, Err(NoReply::NotSent { .. })) {
                part.iter().for_each(|at| self.states[*at as usize].sent = true);
            }
            let answer = match &reply {
                Err(NoReply::NotSent { why, hopeless: true }) => return Err(Trouble::Stopped(why.clone())),
                Err(NoReply::NotSent { why, .. }) => {
                    match self.pause(&mut wait, Why::Away, None, why)? {
                        Go::On => continue,
                        Go::Leave => return Ok(()),
                    };
                }
                Err(NoReply::Lost(why)) => Answer::Lost(why.clone()),
                Ok(reply) => self.protocol.answer(Group { batch: self.batch, at: &part }, reply, self.out.shows()),
            };
            let asked = reply.as_ref().ok().and_then(|reply| reply.retry_after);
            match answer {
                Answer::Items(told) => {
                    self.memory.accepts();
                    self.memory.misled |= part.len() == 1 && self.suspect == Some(part[0]);
                    let before = part.len();
                    let (left, busy) = match self.take(&part, told, reply.as_ref().ok(), &mut wait)? {
                        Some(taken) => taken,
                        None => return Ok(()),
                    };
                    part = left;
                    if part.is_empty() {
                        self.gate.grow();
                        return Ok(());
                    }
                    self.gate.shrink();
                    if part.len() < before {
                        wait.progress();
                    }
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
                Answer::Closed(why) => return Err(Trouble::Stopped(why)),
                Answer::TooLarge(why) => {
                    if let [only] = part[..] {
                        self.end(only, Bucket::Error, Some(Reason::new("too_large", why)), None);
                        return Ok(());
                    }
                    let half = self.halve(&mut part, waiting);
                    self.memory.largest = Some(self.memory.largest.unwrap_or(usize::MAX).min(size / 2).max(1));
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
                            let fault = self.memory.refused(&reason.text, perhaps_done);
                            let text = reason.text.clone();
                            if !self.states[only as usize].lost {
                                self.end(only, Bucket::Error, Some(reason), None);
                            } else if !self.read_back(vec![(only, Some(reason), None)], &mut wait)? {
                                return Ok(());
                            }
                            match fault {
                                Fault::Actions => {}
                                Fault::Unclear => self.probe(waiting),
                                Fault::Requests => {
                                    let text = format!("the server refuses every request: {text}");
                                    return Err(Trouble::Stopped(text));
                                }
                            }
                            return Ok(());
                        }
                        _ => part = self.narrow(part, culprit, waiting),
                    }
                }
                Answer::Lost(why) => {
                    part.iter().for_each(|at| self.states[*at as usize].lost = true);
                    if !self.is_over(&name, &mut wait)? {
                        return Ok(());
                    }
                    self.lose(&mut part);
                    if !part.is_empty() && matches!(self.pause(&mut wait, Why::Busy, asked, &why)?, Go::Leave) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Waits before the next try.
    fn pause(&mut self, wait: &mut Wait, why: Why, asked: Option<Duration>, text: &str) -> Result<Go, Trouble> {
        match wait.next(why, asked) {
            Err(used_up) => Err(Trouble::Stopped(format!("{text} ({used_up})"))),
            Ok(pause) if (self.sleep)(pause) => Ok(Go::On),
            Ok(_) => Ok(Go::Leave),
        }
    }

    /// Cuts a part in two of about the same size; the second waits.
    fn halve(&self, part: &mut Vec<u32>, waiting: &mut Vec<Vec<u32>>) -> Vec<u32> {
        let sizes = part.iter().map(|at| self.batch.size(*at as usize));
        let (all, mut before) = (sizes.clone().sum::<usize>(), 0);
        let middle = sizes.take_while(|size| {
            before += size;
            before <= all / 2
        });
        let middle = middle.count().clamp(1, part.len() - 1);
        waiting.push(part.split_off(middle));
        std::mem::take(part)
    }

    /// Cuts a refused part so that the action that the server names stands alone, or else in two.
    fn narrow(&mut self, mut part: Vec<u32>, culprit: Option<usize>, waiting: &mut Vec<Vec<u32>>) -> Vec<u32> {
        let Some(place) = culprit.filter(|place| *place < part.len() && !self.memory.misled) else {
            let middle = part.len() / 2;
            waiting.push(part.split_off(middle));
            return part;
        };
        self.suspect = Some(part[place]);
        let behind = part.split_off(place + 1);
        let alone = part.split_off(place);
        waiting.extend([behind, alone].into_iter().filter(|part| !part.is_empty()));
        if part.is_empty() { waiting.pop().unwrap_or_default() } else { part }
    }

    /// Puts an action from the far end of the batch in front of those that wait, if its key has no other action there: so
    /// some bad lines in a row are not taken for a refusal of everything.
    fn probe(&self, waiting: &mut Vec<Vec<u32>>) {
        let hash = |at: u32| self.batch.item(at as usize).hash;
        let mut counts: HashMap<u64, u32> = HashMap::new();
        waiting.iter().flatten().for_each(|at| *counts.entry(hash(*at)).or_default() += 1);
        let Some(last) = waiting.first_mut() else { return };
        if let Some(place) = last.iter().rposition(|at| counts[&hash(*at)] == 1) {
            let probe = last.remove(place);
            waiting.push(vec![probe]);
            waiting.retain(|part| !part.is_empty());
        }
    }

    /// Makes sure that a lost try is over, so that it cannot land behind the next; false if the run is asked to stop.
    fn is_over(&mut self, name: &str, wait: &mut Wait) -> Result<bool, Trouble> {
        let Some(_) = self.protocol.ask_running() else { return Ok(true) };
        let mut asking = Wait::new(Retries { retries: u32::MAX, ..self.retries });
        loop {
            let Some(call) = self.protocol.ask_running() else { return Ok(true) };
            match (self.send)(call) {
                Ok(reply) => match self.protocol.is_running(&reply, name) {
                    Some(false) => return Ok(true),
                    Some(true) => {
                        let text = "a request whose answer was lost is still under way, and sending it again could undo what comes later";
                        if matches!(self.pause(&mut asking, Why::Every(ASK), None, text)?, Go::Leave) {
                            return Ok(false);
                        }
                    }
                    None if matches!(reply.status, 429 | 502..=504) => {
                        let text = format!("the server answers {} when it is asked for its tasks", reply.status);
                        if matches!(self.pause(wait, Why::Busy, reply.retry_after, &text)?, Go::Leave) {
                            return Ok(false);
                        }
                    }
                    None => {
                        if !std::mem::replace(&mut self.memory.told_unasked, true) {
                            let text = "the server does not say whether a request whose answer was lost is still under way (GET /_tasks): \
                                        if one lands late, it may put an old value back";
                            (self.say)(Note::Warning(text.to_owned()));
                        }
                        return Ok(true);
                    }
                },
                Err(reply) => {
                    if matches!(self.pause(wait, Why::Away, None, sentence(&reply))?, Go::Leave) {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Marks what was lost, and gives up what cannot be sent twice: it stays unknown.
    fn lose(&mut self, part: &mut Vec<u32>) {
        part.iter().for_each(|at| self.states[*at as usize].lost = true);
        let mut keys: HashMap<&str, (u32, bool)> = HashMap::with_capacity(part.len());
        for at in part.iter() {
            let action = self.batch.action(*at as usize);
            let entry = keys.entry(action.key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= self.protocol.is_replayable(&action);
        }
        let mut unknown = Vec::new();
        part.retain(|at| {
            let action = self.batch.action(*at as usize);
            let again = match keys[action.key] {
                (1, _) => self.protocol.is_repeatable(&action),
                (_, replayable) => replayable,
            };
            if !again {
                unknown.push(*at);
            }
            again
        });
        for at in unknown {
            let text = "the answer was lost, and it cannot be sent twice";
            self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), None);
        }
    }

    /// Takes what an answer says of each action. Returns what is to be sent again and why, or `None` when the run is asked
    /// to stop.
    fn take(
        &mut self,
        part: &[u32],
        mut told: Vec<Told>,
        reply: Option<&Reply>,
        wait: &mut Wait,
    ) -> Result<Option<(Vec<u32>, String)>, Trouble> {
        let busy = told.iter().find_map(|told| match &told.fate {
            Fate::Busy(why) => Some(why.clone()),
            _ => None,
        });
        let mut again = vec![false; told.len()];
        if busy.is_some() {
            // Where an item was stored matters now, so that is asked for too.
            if let (false, Some(reply)) = (self.out.shows(), reply)
                && let Answer::Items(shown) = self.protocol.answer(Group { batch: self.batch, at: part }, reply, true)
            {
                told = shown;
            }
            self.order(part, &mut told, &mut again);
        }
        let (mut left, mut read, mut closed) = (Vec::new(), Vec::new(), None);
        for ((at, told), again) in part.iter().zip(told).zip(again) {
            let lost = self.states[*at as usize].lost;
            let lost_op = lost.then(|| self.batch.key(*at as usize).1);
            match told.fate {
                _ if again => left.push(*at),
                Fate::Closed(why) => closed = Some(why),
                Fate::Exists if lost => read.push((*at, None, told.shown)),
                Fate::Conflict(reason) if lost => read.push((*at, Some(reason), told.shown)),
                Fate::Updated | Fate::Unchanged => {
                    self.traffic.unsure(u64::from(matches!(lost_op, Some(Op::Index | Op::Upsert))));
                    self.end(*at, Bucket::Updated, None, told.shown);
                }
                Fate::NotFound if lost => {
                    self.traffic.unsure(1);
                    self.end(*at, Bucket::Deleted, None, told.shown);
                }
                Fate::Created => self.end(*at, Bucket::Created, None, told.shown),
                Fate::Ignored | Fate::NotFound => self.end(*at, Bucket::Ignored, None, told.shown),
                Fate::Deleted => self.end(*at, Bucket::Deleted, None, told.shown),
                Fate::Exists => self.exists(*at, told.shown),
                Fate::Conflict(reason) | Fate::Rejected(reason) => {
                    self.end(*at, Bucket::Error, Some(reason), told.shown);
                }
                Fate::Untold(why) => {
                    self.end(*at, Bucket::Unknown, Some(Reason::new("unclear_answer", why)), told.shown);
                }
                // `order` has decided on each.
                Fate::Busy(why) => self.overtaken(*at, &why, told.shown),
            }
        }
        if !read.is_empty() && !self.read_back(read, wait)? {
            return Ok(None);
        }
        match closed {
            Some(why) => Err(Trouble::Stopped(why)),
            None => Ok(Some((left, busy.unwrap_or_default()))),
        }
    }

    /// Decides which actions are sent again after some were busy, so that no key ends with an older value: a busy action is
    /// overtaken when a later one on its key was carried out; one that failed behind it is sent again behind it.
    fn order(&self, part: &[u32], told: &mut [Told], again: &mut [bool]) {
        let mut keys: HashMap<&str, Vec<usize>> = HashMap::new();
        let busy: HashSet<&str> = part
            .iter()
            .zip(&*told)
            .filter(|(_, told)| matches!(told.fate, Fate::Busy(_)))
            .map(|(at, _)| self.batch.key(*at as usize).0)
            .collect();
        for (place, at) in part.iter().enumerate() {
            let (key, _) = self.batch.key(*at as usize);
            if busy.contains(key) {
                keys.entry(key).or_default().push(place);
            }
        }
        for places in keys.into_values() {
            for (nth, place) in places.iter().enumerate() {
                if !matches!(told[*place].fate, Fate::Busy(_)) {
                    continue;
                }
                let same = |other: &&usize| may_be_one(&told[*place], &told[**other]);
                let behind: Vec<usize> = places[nth + 1..].iter().filter(same).copied().collect();
                let done = |other: &usize| {
                    matches!(told[*other].fate, Fate::Created | Fate::Updated | Fate::Deleted | Fate::Untold(_))
                };
                if behind.iter().any(done) {
                    continue;
                }
                again[*place] = true;
                behind.iter().for_each(|other| again[*other] |= !matches!(told[*other].fate, Fate::Closed(_)));
            }
        }
    }

    fn overtaken(&mut self, at: u32, why: &str, mut shown: Option<Box<Shown>>) {
        // What the server says of it is no longer why it is not stored.
        if let Some(shown) = &mut shown {
            shown.error = None;
        }
        let text = format!("a later action on this key was carried out while the server was busy with this one: {why}");
        // A try that was lost may have been carried out before the later action.
        let bucket = if self.states[at as usize].lost { Bucket::Unknown } else { Bucket::Error };
        self.end(at, bucket, Some(Reason::new("overtaken", text)), shown);
    }

    fn exists(&mut self, at: u32, shown: Option<Box<Shown>>) {
        let action = self.batch.action(at as usize);
        if action.op == Op::CreateOrIgnore {
            return self.end(at, Bucket::Ignored, None, shown);
        }
        let text = format!("duplicate key {:?}", action.key);
        self.end(at, Bucket::Error, Some(Reason::new("duplicate_key", text)), shown);
    }

    /// Finds out whether what is stored is what a lost try stored: for a document that is in the way of a second try, and,
    /// with its reason, for an action that the server refuses now. False if the run is asked to stop.
    fn read_back(
        &mut self,
        list: Vec<(u32, Option<Reason>, Option<Box<Shown>>)>,
        wait: &mut Wait,
    ) -> Result<bool, Trouble> {
        let mut open = Vec::new();
        for (at, conflict, shown) in list {
            let key = self.batch.action(at as usize).key;
            if conflict.is_some() {
                open.push((at, conflict, shown));
            } else if key.starts_with(self.run) {
                // Nobody else makes such a key.
                self.end(at, Bucket::Created, None, shown);
            } else if self.left(at) == Left::Stored {
                self.exists(at, shown);
            } else {
                open.push((at, conflict, shown));
            }
        }
        if open.is_empty() {
            return Ok(true);
        }
        let at: Vec<u32> = open.iter().map(|(at, ..)| *at).collect();
        let Some(stored) = self.stored(&at, wait)? else { return Ok(false) };
        for ((at, conflict, shown), stored) in open.into_iter().zip(stored) {
            let action = self.batch.action(at as usize);
            let unclear = conflict.is_none() && self.left(at) == Left::Unclear;
            let removes = action.op == Op::Delete;
            match stored {
                Stored::Same if unclear => {
                    let text = "it is stored, but perhaps by an earlier record of this run whose answer was lost too";
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
                Stored::Nothing if removes => {
                    self.traffic.unsure(1);
                    self.end(at, Bucket::Deleted, None, shown);
                }
                Stored::Same if matches!(action.op, Op::Create | Op::CreateOrIgnore) => {
                    self.end(at, Bucket::Created, None, shown);
                }
                Stored::Same => {
                    self.traffic.unsure(1);
                    self.end(at, Bucket::Updated, None, shown);
                }
                Stored::Other | Stored::Nothing if conflict.is_some() => {
                    self.end(at, Bucket::Error, conflict, shown);
                }
                Stored::Other => self.exists(at, shown),
                Stored::Nothing => {
                    let text = "the answer was lost, and the document that was in the way of a second try is gone";
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
                Stored::Unclear(why) => {
                    let text = format!("the answer was lost, and what is stored cannot be compared: {why}");
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
            }
        }
        Ok(true)
    }

    /// What earlier actions of this run left under an action's key.
    fn left(&mut self, at: u32) -> Left {
        let (hash, met) = (self.batch.item(at as usize).hash, self.has_met(at));
        match self.memory.before(hash, met) {
            // A key with another routing is another document.
            Left::Stored if self.protocol.is_routed(&self.batch.action(at as usize)) => Left::Unclear,
            left => left,
        }
    }

    /// Whether an earlier action of this run perhaps had the same key.
    fn has_met(&mut self, at: u32) -> bool {
        let hash = self.batch.item(at as usize).hash;
        (0..at as usize).any(|earlier| self.batch.item(earlier).hash == hash) || self.memory.has_met(hash)
    }

    /// Reads what is stored and compares it; `None` if the run is asked to stop.
    fn stored(&mut self, at: &[u32], wait: &mut Wait) -> Result<Option<Vec<Stored>>, Trouble> {
        let group = Group { batch: self.batch, at };
        let Some(reply) = self.ask(|protocol| protocol.read_back(group), wait)? else { return Ok(None) };
        let Some(mut stored) = self.protocol.compare(group, &reply).filter(|stored| stored.len() == at.len()) else {
            let why = format!("the server answers {} when documents are read back", reply.status);
            return Ok(Some(at.iter().map(|_| Stored::Unclear(why.clone())).collect()));
        };
        if stored.contains(&Stored::Other)
            && let Some(call) = self.protocol.ask_alters(group)
        {
            let mut call = Some(call);
            let again = |protocol: &dyn Protocol| {
                call.take().or_else(|| protocol.ask_alters(group)).unwrap_or_else(|| protocol.read_back(group))
            };
            let Some(reply) = self.ask(again, wait)? else { return Ok(None) };
            if self.protocol.alters(&reply) {
                let why = Stored::Unclear("an ingest pipeline may have changed it".to_owned());
                stored.iter_mut().filter(|stored| **stored == Stored::Other).for_each(|stored| {
                    *stored = match &why {
                        Stored::Unclear(text) => Stored::Unclear(text.clone()),
                        _ => Stored::Other,
                    };
                });
            }
        }
        Ok(Some(stored))
    }

    /// Asks a question that changes nothing until it is answered; `None` if the run is asked to stop.
    fn ask(&mut self, mut call: impl FnMut(&dyn Protocol) -> Call, wait: &mut Wait) -> Result<Option<Reply>, Trouble> {
        loop {
            let call = call(self.protocol);
            let (why, text, asked) = match (self.send)(call) {
                Ok(reply) if !matches!(reply.status, 429 | 500..=599) => return Ok(Some(reply)),
                Ok(reply) => (Why::Busy, format!("the server answers {}", reply.status), reply.retry_after),
                Err(reply) => (Why::Away, sentence(&reply).to_owned(), None),
            };
            if matches!(self.pause(wait, why, asked, &text)?, Go::Leave) {
                return Ok(None);
            }
        }
    }

    /// Settles an action.
    fn end(&mut self, at: u32, bucket: Bucket, reason: Option<Reason>, shown: Option<Box<Shown>>) {
        self.states[at as usize].settled = true;
        let item = self.batch.item(at as usize);
        let stored = matches!(bucket, Bucket::Created | Bucket::Updated);
        let is_plain = stored && reason.is_none() && !self.out.shows() && !self.batch.is_line(at as usize);
        if is_plain && self.memory.has_no_gone() {
            return self.out.end(item.origin, bucket, None, None, "");
        }
        let action = self.batch.action(at as usize);
        let left = match bucket {
            Bucket::Created | Bucket::Updated => Some(Left::Stored),
            Bucket::Deleted => Some(Left::Nothing),
            Bucket::Ignored if action.op == Op::Delete => Some(Left::Nothing),
            Bucket::Unknown => Some(Left::Unclear),
            Bucket::Error if reason.as_ref().is_some_and(|reason| reason.kind == "duplicate_key") => Some(Left::Stored),
            // What was there before it is still there.
            Bucket::Error => (!self.has_met(at)).then_some(Left::Nothing),
            Bucket::Ignored | Bucket::Unsent => None,
        };
        if let Some(left) = left {
            self.memory.note(action.collection, item.hash, left);
        }
        self.out.end(item.origin, bucket, reason, shown, action.key);
    }

    /// Settles what is left: it was not sent, or it cannot be told what became of it.
    fn leave(&mut self) {
        for place in 0..self.batch.len() {
            let state = self.states[place];
            if state.settled || self.batch.rejected(place).is_some() {
                continue;
            }
            match state.lost {
                true => {
                    let text = "the answer was lost, and the run ended before it could be sent again";
                    self.end(place as u32, Bucket::Unknown, Some(Reason::new("lost", text)), None);
                }
                false => self.end(place as u32, Bucket::Unsent, None, None),
            }
        }
    }
}

/// Whether two items with the same key may be one document: the server says where each lies.
fn may_be_one(one: &Told, other: &Told) -> bool {
    match (&one.shown, &other.shown) {
        (Some(one), Some(other)) => one.index.is_empty() || other.index.is_empty() || one.index == other.index,
        _ => true,
    }
}
