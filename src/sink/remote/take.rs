//! Takes an answer apart: each action into its bucket, or among those that are sent again, which keeps the order of actions
//! on one key; and remembers what actions leave under their keys.

use super::memory::Left;
use super::settle::{Halt, Settling, State};
use super::{Details, Group, ItemOutcome, ItemOutcomes, ItemResult, Response, Verdict};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::Why;
use crate::sink::Bucket;
use std::collections::HashMap;
use std::time::Duration;

/// How long a cluster needs to make a new field known to all of its nodes.
const PUBLISHED: Duration = Duration::from_millis(100);

/// Races that an action may lose, each over another field.
const RACES: usize = 5;

impl Settling<'_> {
    /// Takes in what became of each action; what was not carried out stays in the part.
    pub(super) fn items(
        &mut self,
        part: &mut Vec<u32>,
        each: bool,
        outcomes: ItemOutcomes,
        reply: &Response,
    ) -> Result<(), Halt> {
        let at = std::mem::take(part);
        let group = Group { batch: self.batch, indexes: &at, per_item: each };
        let mut busy = None;
        if each || !self.end_all(group, &outcomes) {
            self.accepted(group);
            (*part, busy) = self.take(group, outcomes.into_results(), reply)?;
        }
        if part.is_empty() {
            self.shared.gate.grow();
            return Ok(());
        }
        if part.len() < at.len() {
            self.tries.wait.progress();
        }
        let Some(busy) = busy else { return self.wait_for_fields() };
        self.shared.gate.shrink();
        self.pause(Why::Busy, reply.retry_after, &busy)
    }

    /// Settles actions of which none was lost by their number, where `end` would do no more for each than count it; false if
    /// each has to be looked at.
    fn end_all(&mut self, group: Group<'_>, outcomes: &ItemOutcomes) -> bool {
        let bucket = match outcomes.common() {
            Some(ItemOutcome::Created) => Bucket::Created,
            Some(ItemOutcome::Updated | ItemOutcome::Unchanged) => Bucket::Updated,
            Some(ItemOutcome::Ignored) => Bucket::Ignored,
            _ => return false,
        };
        if !self.memory().none_deleted() || self.batch.names_collections() {
            return false;
        }
        if self.batch.has_lines() {
            // What a stored document leaves behind is the name of its collection.
            self.memory().note("", self.batch.hashes()[group.indexes[0] as usize], Left::Stored);
        }
        self.accepted(group);
        group.indexes.iter().for_each(|at| self.states[*at as usize].settled = true);
        self.out.settle_many(bucket, group.len() as u64);
        true
    }

    /// Takes what an answer says of each action: those that are to be sent again, and why if the server was busy.
    fn take(
        &mut self,
        group: Group<'_>,
        mut told: Vec<ItemResult>,
        reply: &Response,
    ) -> Result<(Vec<u32>, Option<String>), Halt> {
        let busy = told.iter().find_map(|told| match &told.outcome {
            ItemOutcome::Busy(why) => Some(why.clone()),
            _ => None,
        });
        let mut again = vec![false; told.len()];
        if told.iter().any(|told| told.outcome.is_retryable()) {
            // Where an item was stored matters now, so that is asked for too.
            if !self.out.shows()
                && let Verdict::Items(shown) = self.protocol.read_response(group, reply, true)
            {
                told = shown.into_results();
            }
            self.end_races(group.indexes, &mut told);
            self.order(group.indexes, &told, &mut again);
        }
        if self.loses {
            self.find_doubled(group.indexes, &mut told)?;
        }
        let (mut left, mut read, mut closed) = (Vec::new(), Vec::new(), None);
        for ((at, told), again) in group.indexes.iter().zip(told).zip(again) {
            let lost = self.states[*at as usize].lost;
            match told.outcome {
                _ if again => left.push(*at),
                ItemOutcome::Fatal(why) => closed = Some(why),
                ItemOutcome::Exists if lost => read.push((*at, None, told.details)),
                ItemOutcome::Conflict(reason) if lost => read.push((*at, Some(reason), told.details)),
                outcome => self.end_result(*at, outcome, told.details),
            }
        }
        self.read_back(read)?;
        match closed {
            Some(why) => Err(Halt::Stopped(why)),
            None => Ok((left, busy)),
        }
    }

    /// Waits until the fields for which others won a race can be expected to be there: a request that added them is answered
    /// once they are, unless it is another program's.
    fn wait_for_fields(&mut self) -> Result<(), Halt> {
        self.shared.gate.wait_until_empty();
        if (self.link.sleep)(PUBLISHED) { Ok(()) } else { Err(Halt::Asked) }
    }

    /// Ends with an error what was sent once more after a race, and got the same refusal.
    fn end_races(&mut self, part: &[u32], told: &mut [ItemResult]) {
        for (at, told) in part.iter().zip(told) {
            let ItemOutcome::Raced(reason) = &told.outcome else { continue };
            let lost = self.races.entry(*at).or_default();
            if lost.len() < RACES && !lost.contains(&reason.text) {
                lost.push(reason.text.clone());
            } else {
                told.outcome = ItemOutcome::Rejected(reason.clone());
            }
        }
    }

    /// Decides which actions are sent again after some were busy or raced, so that no key ends with an older value: such an
    /// action is overtaken when a later one on its key was carried out; one that failed behind it is sent again behind it.
    fn order(&self, part: &[u32], told: &[ItemResult], again: &mut [bool]) {
        let mut keys: HashMap<&str, Vec<usize>> = HashMap::new();
        let one_sequence = self.protocol.is_globally_ordered();
        let key = |at: u32| if one_sequence { "" } else { self.key(at).0 };
        for (place, at) in part.iter().enumerate() {
            match key(*at) {
                // What has no key yet has nothing to do with the rest.
                "" if !one_sequence => again[place] = told[place].outcome.is_retryable(),
                key => keys.entry(key).or_default().push(place),
            }
        }
        for places in keys.into_values() {
            for (nth, place) in places.iter().enumerate() {
                if !told[*place].outcome.is_retryable() {
                    continue;
                }
                let same = |other: &&usize| may_be_one(&told[*place], &told[**other]);
                let behind: Vec<usize> = places[nth + 1..].iter().filter(same).copied().collect();
                let done = |other: &usize| {
                    matches!(
                        told[*other].outcome,
                        ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Deleted | ItemOutcome::Unclear(_)
                    )
                };
                if behind.iter().any(done) {
                    continue;
                }
                again[*place] = true;
                behind.iter().for_each(|other| again[*other] |= !matches!(told[*other].outcome, ItemOutcome::Fatal(_)));
            }
        }
    }

    /// Settles an action that a later one on its key has overtaken while something kept it from being carried out.
    fn overtaken(&mut self, at: u32, cause: &str, why: &str, mut shown: Details) {
        // What the server says of it is no longer why it is not stored.
        if let Some(shown) = &mut shown {
            shown.error = None;
        }
        let later = if self.protocol.is_globally_ordered() { "a later action" } else { "a later action on this key" };
        let text = format!("{later} was carried out while {cause}: {why}");
        // A try that was lost may have been carried out before the later action.
        let bucket = if self.states[at as usize].lost { Bucket::Unknown } else { Bucket::Error };
        self.end(at, bucket, Some(Reason::new("overtaken", text)), shown);
    }

    /// Settles an action that is not sent again and need not be read back.
    fn end_result(&mut self, at: u32, outcome: ItemOutcome, shown: Details) {
        let lost = self.states[at as usize].lost;
        let (bucket, unsure) = match outcome {
            ItemOutcome::Created => (Bucket::Created, lost && self.comes_again(at)),
            // The document is that of the lost try.
            ItemOutcome::Updated | ItemOutcome::Unchanged if lost && self.is_generated(at) => (Bucket::Created, false),
            ItemOutcome::Updated | ItemOutcome::Unchanged => {
                (Bucket::Updated, lost && matches!(self.key(at).1, Op::Index | Op::Upsert))
            }
            ItemOutcome::NotFound if lost => (Bucket::Deleted, true),
            ItemOutcome::Ignored | ItemOutcome::NotFound => (Bucket::Ignored, false),
            ItemOutcome::Deleted => (Bucket::Deleted, lost && self.comes_again(at)),
            ItemOutcome::Exists => return self.exists(at, shown),
            ItemOutcome::Conflict(reason) => return self.conflict(at, reason, shown),
            ItemOutcome::Rejected(reason) => return self.end(at, Bucket::Error, Some(reason), shown),
            ItemOutcome::Unclear(why) => {
                return self.end(at, Bucket::Unknown, Some(Reason::new("unclear_answer", why)), shown);
            }
            // `order` has decided on each; what is closed never comes here.
            ItemOutcome::Busy(why) | ItemOutcome::Fatal(why) => {
                return self.overtaken(at, "the server was busy with this one", &why, shown);
            }
            ItemOutcome::Raced(reason) => {
                return self.overtaken(at, "another request added the same field", &reason.text, shown);
            }
        };
        self.shared.traffic.count_uncertain(u64::from(unsure));
        self.end(at, bucket, None, shown);
    }

    /// Whether its batch has several actions on its key: a second try of them finds what the first left.
    fn comes_again(&self, at: u32) -> bool {
        let hash = self.batch.hashes()[at as usize];
        hash != 0 && self.batch.hashes().iter().filter(|other| **other == hash).count() > 1
    }

    /// Settles an action that found a document in its way.
    pub(super) fn exists(&mut self, at: u32, shown: Details) {
        let (key, op) = self.key(at);
        if op == Op::CreateOrIgnore {
            return self.end(at, Bucket::Ignored, None, shown);
        }
        let reason = Reason::new("duplicate_key", format!("duplicate key {key:?}"));
        self.end(at, Bucket::Error, Some(reason), shown);
    }

    /// Settles an action that a condition kept from being carried out: the user's own, or that of a unique index.
    pub(super) fn conflict(&mut self, at: u32, reason: Reason, shown: Details) {
        match self.key(at).1 {
            Op::CreateOrIgnore => self.end(at, Bucket::Ignored, None, shown),
            _ => self.end(at, Bucket::Error, Some(reason), shown),
        }
    }

    /// Settles an action of which it cannot be known whether a lost try carried it out.
    pub(super) fn unknown(&mut self, at: u32, text: &str, shown: Details) {
        self.end(at, Bucket::Unknown, Some(Reason::new("lost", text)), shown);
    }

    /// Settles an action.
    pub(super) fn end(&mut self, at: u32, bucket: Bucket, reason: Option<Reason>, shown: Details) {
        self.states[at as usize].settled = true;
        let stored = matches!(bucket, Bucket::Created | Bucket::Updated);
        let is_plain = stored && reason.is_none() && !self.out.shows() && !self.batch.is_line(at as usize);
        if is_plain && self.memory().none_deleted() {
            return self.out.settle_many(bucket, 1);
        }
        let action = self.batch.action(at as usize);
        let left = match bucket {
            Bucket::Created | Bucket::Updated => Some(Left::Stored),
            Bucket::Deleted => Some(Left::Nothing),
            Bucket::Ignored if action.op == Op::Delete => Some(Left::Nothing),
            Bucket::Unknown => Some(Left::Unclear),
            Bucket::Error if reason.as_ref().is_some_and(|reason| reason.kind == "duplicate_key") => Some(Left::Stored),
            // What was there before it is still there.
            Bucket::Error => (!self.has_key(at)).then_some(Left::Nothing),
            Bucket::Ignored | Bucket::Unsent => None,
        };
        if let Some(left) = left {
            self.memory().note(action.collection, self.batch.hashes()[at as usize], left);
        }
        let shown = shown.or_else(|| self.out.shows().then(|| Box::new(self.protocol.details(&action))));
        self.out.settle(self.batch, at as usize, bucket, reason, shown);
    }

    /// Settles what is left: it was not sent, or it cannot be told what became of it.
    pub(super) fn leave(&mut self) {
        for at in 0..self.batch.len() as u32 {
            match self.states[at as usize] {
                State { settled: true, .. } => {}
                State { lost: true, .. } => {
                    self.unknown(at, "no response was received, and the run ended before it could be sent again", None);
                }
                _ => self.end(at, Bucket::Unsent, None, None),
            }
        }
    }
}

/// Whether two items with the same key may be one document: the server says where each lies.
fn may_be_one(one: &ItemResult, other: &ItemResult) -> bool {
    match (&one.details, &other.details) {
        (Some(one), Some(other)) => one.index.is_empty() || other.index.is_empty() || one.index == other.index,
        _ => true,
    }
}
