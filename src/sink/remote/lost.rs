//! What is done about a try whose response was not received: wait until it is over, give up what cannot be sent twice, and after the
//! next try find out whose a document is that was in its way.

use super::destination::{Destination, Location};
use super::memory::Left;
use super::settle::{Halt, SINGLE_TRIES, Settling};
use super::{Call, Details, Group, Kept, Reply, Stored, sentence};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::{Backoff, Retries, Why};
use crate::sink::{Bucket, Note};
use std::collections::HashMap;
use std::time::Duration;

/// Documents that are read back at once: Kuzzle gives 10,000 at most.
const AT_ONCE: usize = 5000;
/// How often it is asked whether a lost request is still under way.
const ASK: Duration = Duration::from_millis(200);

/// Why it is not sent again meanwhile.
const UNDER_WAY: &str =
    "a request without a response is still under way, and sending it again could undo what comes later";

impl Settling<'_> {
    /// Makes sure that a lost try is over, so that it cannot land behind the next.
    pub(super) fn wait_until_over(&mut self, name: &str, part: &[u32]) -> Result<(), Halt> {
        let Some(call) = self.protocol.ask_running() else {
            if !part.iter().all(|at| self.creates(*at)) {
                self.warn_of_late("this server cannot be asked");
            }
            return Ok(());
        };
        // Waiting for the server to come back takes nothing from the tries of the actions themselves.
        let mut wait = Backoff::new(self.shared.retries);
        let mut asking = Backoff::new(Retries { retries: u32::MAX, ..self.shared.retries });
        loop {
            let reply = match (self.link.send)(call.clone()) {
                Ok(reply) => reply,
                Err(reply) => {
                    self.link.pause(&mut wait, Why::Away, None, sentence(&reply))?;
                    continue;
                }
            };
            match self.protocol.is_running(&reply, name) {
                Some(true) => self.link.pause(&mut asking, Why::Every(ASK), None, UNDER_WAY)?,
                None if reply.is_busy() => {
                    let text = format!("{} when asked for its tasks", reply.status_line());
                    self.link.pause(&mut wait, Why::Busy, reply.retry_after, &text)?;
                }
                None => {
                    self.warn_of_late("the server does not report (GET /_tasks)");
                    return Ok(());
                }
                Some(false) => return Ok(()),
            }
        }
    }

    /// Warns once of what nobody can rule out.
    fn warn_of_late(&mut self, why: &str) {
        if !std::mem::replace(&mut self.memory().told_unasked, true) {
            (self.link.say)(Note::Warning(format!(
                "{why} whether a request without a response is still under way: if one arrives late, it may put an old value back"
            )));
        }
    }

    /// Remembers that the answer to a try was lost.
    pub(super) fn mark_lost(&mut self, part: &[u32]) {
        self.loses = true;
        for at in part {
            let state = &mut self.states[*at as usize];
            (state.sent, state.lost) = (true, true);
        }
    }

    /// Marks what was lost, and gives up what cannot be sent twice: it stays unknown.
    pub(super) fn lose(&mut self, part: &mut Vec<u32>) {
        self.mark_lost(part);
        let (batch, protocol) = (self.batch, self.protocol);
        let mut keys: HashMap<&str, (u32, bool)> = HashMap::with_capacity(part.len());
        for at in part.iter() {
            let action = batch.action(*at as usize);
            let entry = keys.entry(action.key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= protocol.is_idempotent_in_sequence(&action);
        }
        part.retain(|at| {
            let action = batch.action(*at as usize);
            let again = match keys[action.key] {
                (1, _) => protocol.is_idempotent(&action),
                (_, replayable) => replayable,
            };
            if !again {
                self.unknown(*at, "no response was received, and it cannot be sent twice", None);
            }
            again
        });
    }

    /// Finds out whether what is stored is what a lost try stored: for a document that is in the way of a second try, and,
    /// with its reason, for an action that the server refuses now.
    pub(super) fn read_back(&mut self, list: Vec<(u32, Option<Reason>, Details)>) -> Result<(), Halt> {
        let mut open = Vec::new();
        for (at, conflict, shown) in list {
            match conflict {
                None if self.is_generated(at) => self.end(at, Bucket::Created, None, shown),
                None if self.left(at) == Left::Stored => self.exists(at, shown),
                conflict => open.push((at, conflict, shown)),
            }
        }
        let at: Vec<u32> = open.iter().map(|(at, ..)| *at).collect();
        let lies: Vec<Location> = open.iter().map(|(at, _, shown)| self.location(*at, shown.as_deref())).collect();
        let stored = self.stored(&at, &lies)?;
        for ((at, conflict, shown), stored) in open.into_iter().zip(stored) {
            self.end_read_back(at, conflict, stored, shown);
        }
        Ok(())
    }

    /// Settles an action by what is stored under its key.
    fn end_read_back(&mut self, at: u32, conflict: Option<Reason>, stored: Stored, shown: Details) {
        let unclear = conflict.is_none() && self.left(at) == Left::Unclear;
        let bucket = match (stored, conflict) {
            (Stored::Same, _) if unclear => {
                let text =
                    "it is stored, but perhaps by an earlier record of this run whose response was not received too";
                return self.unknown(at, text, shown);
            }
            (Stored::Nothing, _) if self.key(at).1 == Op::Delete => Bucket::Deleted,
            // The very same document may have been there before the run.
            (Stored::Same, _) if self.creates(at) => Bucket::Created,
            (Stored::Same, _) => Bucket::Updated,
            (Stored::Other | Stored::Nothing, Some(reason)) => return self.conflict(at, reason, shown),
            (Stored::Other, None) => return self.exists(at, shown),
            (Stored::Nothing, None) => {
                let text = "no response was received, and the document that was in the way of a second try is deleted";
                return self.unknown(at, text, shown);
            }
            (Stored::Unclear(why), _) => {
                let text = format!("no response was received, and what is stored cannot be compared: {why}");
                return self.unknown(at, &text, shown);
            }
        };
        self.shared.traffic.unsure(1);
        self.end(at, bucket, None, shown);
    }

    /// What earlier actions of this run left under an action's key.
    pub(super) fn left(&self, at: u32) -> Left {
        let met = self.has_key(at);
        let left = self.memory().before(self.batch.hashes()[at as usize], met);
        let action = self.batch.action(at as usize);
        // A key with another routing is another document, and so is one in another index of an alias or a data stream.
        let lies_elsewhere = || {
            let name = self.protocol.name_of(&action);
            self.protocol.is_routed(&action) || matches!(self.destinations.get(name), Some(Destination::Moving { .. }))
        };
        if left == Left::Stored && lies_elsewhere() { Left::Unclear } else { left }
    }

    /// Whether an earlier action of this run perhaps had the same key.
    pub(super) fn has_key(&self, at: u32) -> bool {
        let (earlier, hash) = (&self.batch.hashes()[..at as usize], self.batch.hashes()[at as usize]);
        earlier.contains(&hash) || self.memory().has_key(hash)
    }

    /// Reads what is stored and compares it.
    pub(super) fn stored(&mut self, at: &[u32], lies: &[Location]) -> Result<Vec<Stored>, Halt> {
        let mut all = Vec::with_capacity(at.len());
        for (at, lies) in at.chunks(AT_ONCE).zip(lies.chunks(AT_ONCE)) {
            let group = Group { batch: self.batch, at, each: true };
            let mut stored = self.compared(group, lies)?;
            if stored.iter().any(Stored::is_found) {
                let reply = self.ask(&self.protocol.ask_kept(group, lies))?;
                self.doubt(group, lies, &reply, &mut stored);
            }
            all.extend(stored);
        }
        Ok(all)
    }

    /// Compares what is read back with what was sent.
    fn compared(&mut self, group: Group<'_>, lies: &[Location]) -> Result<Vec<Stored>, Halt> {
        let call = self.protocol.read_back(group, lies);
        let mut tries = 0;
        loop {
            let reply = self.ask(&call)?;
            if let Some(stored) = self.protocol.compare(group, &reply).filter(|stored| stored.len() == group.len()) {
                return Ok(stored);
            }
            let why = format!("{} when documents are read back", reply.status_line());
            tries += 1;
            // What is no answer to the question may come from somewhere between the server and us, and pass.
            if !reply.is_success() || tries >= SINGLE_TRIES {
                return Ok(group.at.iter().map(|_| Stored::Unclear(why.clone())).collect());
            }
            self.pause(Why::Busy, reply.retry_after, &why)?;
        }
    }

    /// Believes what was read back only as far as the server keeps documents as they were sent.
    fn doubt(&self, group: Group<'_>, lies: &[Location], reply: &Reply, stored: &mut [Stored]) {
        let mut kept: HashMap<&str, Kept> = HashMap::new();
        for ((at, lies), stored) in group.at.iter().zip(lies).zip(stored) {
            let kept = kept.entry(&lies.index).or_insert_with(|| self.protocol.kept(&lies.index, reply));
            match kept {
                _ if stored.is_found() && self.is_generated(*at) => *stored = Stored::Same,
                Kept::Changed(why) if *stored == Stored::Other => *stored = Stored::Unclear(why.clone()),
                Kept::InPart(why) if stored.is_found() => *stored = Stored::Unclear(why.clone()),
                _ => {}
            }
        }
    }

    /// Asks a question that changes nothing until it is answered.
    pub(super) fn ask(&mut self, call: &Call) -> Result<Reply, Halt> {
        loop {
            let (why, text, asked) = match (self.link.send)(call.clone()) {
                Ok(reply) if !matches!(reply.status, 429 | 500..=599) => return Ok(reply),
                Ok(reply) => (Why::Busy, reply.status_line(), reply.retry_after),
                Err(reply) => (Why::Away, sentence(&reply).to_owned(), None),
            };
            self.pause(why, asked, &text)?;
        }
    }
}

impl Stored {
    /// Whether there is a document.
    fn is_found(&self) -> bool {
        matches!(self, Stored::Same | Stored::Other)
    }
}
