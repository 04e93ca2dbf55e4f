//! What is done about a try whose answer was lost: wait until it is over, give up what cannot be sent twice, and after the
//! next try find out whose a document is that was in its way.

use super::destination::{Destination, Location};
use super::memory::Left;
use super::settle::{Go, SINGLE_TRIES, Settling};
use super::{Call, Group, ItemDetails, Kept, Protocol, Reply, SinkError, Stored, sentence};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::{Retries, Wait, Why};
use crate::sink::{Bucket, Note};
use std::collections::HashMap;
use std::time::Duration;

/// Documents that are read back at once: Kuzzle gives 10,000 at most.
const AT_ONCE: usize = 5000;
/// How often it is asked whether a lost request is still under way.
const ASK: Duration = Duration::from_millis(200);

impl Settling<'_> {
    /// Makes sure that a lost try is over, so that it cannot land behind the next; false if the run is asked to stop.
    pub(super) fn is_over(&mut self, name: &str, part: &[u32]) -> Result<bool, SinkError> {
        // Waiting for the server to come back takes nothing from the tries of the actions themselves.
        let mut wait = Wait::new(self.retries);
        let mut asking = Wait::new(Retries { retries: u32::MAX, ..self.retries });
        loop {
            let Some(call) = self.protocol.ask_running() else {
                let creates = |at: &u32| matches!(self.batch.key(*at as usize).1, Op::Create | Op::CreateOrIgnore);
                if !part.iter().all(creates) {
                    self.warn_of_late("this server cannot be asked");
                }
                return Ok(true);
            };
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
                        if matches!(self.pause(&mut wait, Why::Busy, reply.retry_after, &text)?, Go::Leave) {
                            return Ok(false);
                        }
                    }
                    None => {
                        self.warn_of_late("the server does not say (GET /_tasks)");
                        return Ok(true);
                    }
                },
                Err(reply) => {
                    if matches!(self.pause(&mut wait, Why::Away, None, sentence(&reply))?, Go::Leave) {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Warns once of what nobody can rule out.
    fn warn_of_late(&mut self, why: &str) {
        if !std::mem::replace(&mut self.memory.lock().told_unasked, true) {
            (self.say)(Note::Warning(format!(
                "{why} whether a request whose answer was lost is still under way: if one lands late, it may put an old value back"
            )));
        }
    }

    /// Remembers that the answer to a try was lost.
    pub(super) fn mark_lost(&mut self, part: &[u32]) {
        self.loses = true;
        part.iter().for_each(|at| self.states[*at as usize].lost = true);
    }

    /// Marks what was lost, and gives up what cannot be sent twice: it stays unknown.
    pub(super) fn lose(&mut self, part: &mut Vec<u32>) {
        self.mark_lost(part);
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

    /// Finds out whether what is stored is what a lost try stored: for a document that is in the way of a second try, and,
    /// with its reason, for an action that the server refuses now. False if the run is asked to stop.
    pub(super) fn read_back(
        &mut self,
        list: Vec<(u32, Option<Reason>, Option<Box<ItemDetails>>)>,
        wait: &mut Wait,
    ) -> Result<bool, SinkError> {
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
        let lies: Vec<Location> = open.iter().map(|(at, _, shown)| self.location(*at, shown.as_deref())).collect();
        let Some(stored) = self.stored(&at, &lies, wait)? else { return Ok(false) };
        for ((at, conflict, shown), stored) in open.into_iter().zip(stored) {
            let action = self.batch.action(at as usize);
            let unclear = conflict.is_none() && self.left(at) == Left::Unclear;
            let removes = action.op == Op::Delete;
            match (stored, conflict) {
                (Stored::Same, _) if unclear => {
                    let text = "it is stored, but perhaps by an earlier record of this run whose answer was lost too";
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
                (Stored::Nothing, _) if removes => {
                    self.traffic.unsure(1);
                    self.end(at, Bucket::Deleted, None, shown);
                }
                (Stored::Same, _) if matches!(action.op, Op::Create | Op::CreateOrIgnore) => {
                    // The very same document may have been there before the run.
                    self.traffic.unsure(1);
                    self.end(at, Bucket::Created, None, shown);
                }
                (Stored::Same, _) => {
                    self.traffic.unsure(1);
                    self.end(at, Bucket::Updated, None, shown);
                }
                (Stored::Other | Stored::Nothing, Some(reason)) => self.conflict(at, reason, shown),
                (Stored::Other, None) => self.exists(at, shown),
                (Stored::Nothing, None) => {
                    let text = "the answer was lost, and the document that was in the way of a second try is gone";
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
                (Stored::Unclear(why), _) => {
                    let text = format!("the answer was lost, and what is stored cannot be compared: {why}");
                    self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
                }
            }
        }
        Ok(true)
    }

    /// What earlier actions of this run left under an action's key.
    pub(super) fn left(&mut self, at: u32) -> Left {
        let (hash, met) = (self.batch.hashes()[at as usize], self.has_met(at));
        match self.memory.lock().before(hash, met) {
            // A key with another routing is another document.
            Left::Stored if self.protocol.is_routed(&self.batch.action(at as usize)) => Left::Unclear,
            // So is one in another index of an alias or a data stream.
            Left::Stored if self.moves(at) => Left::Unclear,
            left => left,
        }
    }

    /// Whether the name of an action's collection leads to another index now and then.
    fn moves(&self, at: u32) -> bool {
        let name = self.protocol.name_of(&self.batch.action(at as usize));
        matches!(self.destinations.get(name), Some(Destination::Moving { .. }))
    }

    /// Whether an earlier action of this run perhaps had the same key.
    pub(super) fn has_met(&mut self, at: u32) -> bool {
        let (earlier, hash) = (&self.batch.hashes()[..at as usize], self.batch.hashes()[at as usize]);
        earlier.contains(&hash) || self.memory.lock().has_met(hash)
    }

    /// Reads what is stored and compares it; `None` if the run is asked to stop.
    pub(super) fn stored(
        &mut self,
        at: &[u32],
        lies: &[Location],
        wait: &mut Wait,
    ) -> Result<Option<Vec<Stored>>, SinkError> {
        if at.len() > AT_ONCE {
            let mut all = Vec::with_capacity(at.len());
            for (at, lies) in at.chunks(AT_ONCE).zip(lies.chunks(AT_ONCE)) {
                let Some(stored) = self.stored(at, lies, wait)? else { return Ok(None) };
                all.extend(stored);
            }
            return Ok(Some(all));
        }
        let group = Group { batch: self.batch, at, each: true };
        let mut tries = 0;
        let mut stored = loop {
            let Some(reply) = self.ask(|protocol| protocol.read_back(group, lies), wait)? else { return Ok(None) };
            if let Some(stored) = self.protocol.compare(group, &reply).filter(|stored| stored.len() == at.len()) {
                break stored;
            }
            let why = format!("the server answers {} when documents are read back", reply.status);
            tries += 1;
            // What is no answer to the question may come from somewhere between the server and us, and pass.
            if !reply.is_success() || tries >= SINGLE_TRIES {
                return Ok(Some(at.iter().map(|_| Stored::Unclear(why.clone())).collect()));
            }
            if matches!(self.pause(wait, Why::Busy, reply.retry_after, &why)?, Go::Leave) {
                return Ok(None);
            }
        };
        if stored.iter().any(|stored| matches!(stored, Stored::Same | Stored::Other)) {
            let Some(reply) = self.ask(|protocol| protocol.ask_kept(group, lies), wait)? else { return Ok(None) };
            self.doubt(group, lies, &reply, &mut stored);
        }
        Ok(Some(stored))
    }

    /// Believes what was read back only as far as the server keeps documents as they were sent.
    fn doubt(&self, group: Group<'_>, lies: &[Location], reply: &Reply, stored: &mut [Stored]) {
        let mut kept: HashMap<&str, Kept> = HashMap::new();
        for ((place, stored), lies) in stored.iter_mut().enumerate().zip(lies) {
            let kept = kept.entry(&lies.index).or_insert_with(|| self.protocol.kept(&lies.index, reply));
            let is_found = matches!(stored, Stored::Same | Stored::Other);
            match kept {
                // Nobody else makes such a key.
                _ if is_found && group.key(place).0.starts_with(self.run) => *stored = Stored::Same,
                Kept::Changed(why) if *stored == Stored::Other => *stored = Stored::Unclear(why.clone()),
                Kept::InPart(why) if is_found => *stored = Stored::Unclear(why.clone()),
                _ => {}
            }
        }
    }

    /// Asks a question that changes nothing until it is answered; `None` if the run is asked to stop.
    pub(super) fn ask(
        &mut self,
        mut call: impl FnMut(&dyn Protocol) -> Call,
        wait: &mut Wait,
    ) -> Result<Option<Reply>, SinkError> {
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
}
