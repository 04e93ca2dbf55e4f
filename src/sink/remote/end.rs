//! Settles actions: puts them into their buckets, and remembers what they leave under their keys.

use super::memory::Left;
use super::settle::Settling;
use super::{Fate, Fates, Group, ItemDetails};
use crate::action::Op;
use crate::record::Reason;
use crate::sink::Bucket;

impl Settling<'_> {
    /// Settles actions of which none was lost by their number, where `end` would do no more for each than count it; false if
    /// each has to be looked at.
    pub(super) fn end_all(&mut self, group: Group<'_>, fates: &Fates) -> bool {
        let many = group.len() as u64;
        let bucket = match fates.of_all() {
            Some(Fate::Created) => Bucket::Created,
            Some(Fate::Updated | Fate::Unchanged) => Bucket::Updated,
            Some(Fate::Ignored) => Bucket::Ignored,
            _ => return false,
        };
        if !self.memory.lock().has_no_gone() || self.batch.names_collections() {
            return false;
        }
        if self.batch.has_lines() {
            // What a stored document leaves behind is the name of its collection.
            self.memory.lock().note("", self.batch.hashes()[group.at[0] as usize], Left::Stored);
        }
        self.accepted(group);
        group.at.iter().for_each(|at| self.states[*at as usize].settled = true);
        self.out.settle_many(bucket, many);
        true
    }

    /// Settles an action that found a document in its way.
    pub(super) fn exists(&mut self, at: u32, shown: Option<Box<ItemDetails>>) {
        let action = self.batch.action(at as usize);
        if action.op == Op::CreateOrIgnore {
            return self.end(at, Bucket::Ignored, None, shown);
        }
        let text = format!("duplicate key {:?}", action.key);
        self.end(at, Bucket::Error, Some(Reason::new("duplicate_key", text)), shown);
    }

    /// Settles an action that a condition kept from being carried out: the user's own, or that of a unique index.
    pub(super) fn conflict(&mut self, at: u32, reason: Reason, shown: Option<Box<ItemDetails>>) {
        match self.batch.key(at as usize).1 {
            Op::CreateOrIgnore => self.end(at, Bucket::Ignored, None, shown),
            _ => self.end(at, Bucket::Error, Some(reason), shown),
        }
    }

    /// Settles an action.
    pub(super) fn end(&mut self, at: u32, bucket: Bucket, reason: Option<Reason>, shown: Option<Box<ItemDetails>>) {
        self.states[at as usize].settled = true;
        let stored = matches!(bucket, Bucket::Created | Bucket::Updated);
        let is_plain = stored && reason.is_none() && !self.out.shows() && !self.batch.is_line(at as usize);
        if is_plain && self.memory.lock().has_no_gone() {
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
            Bucket::Error => (!self.has_met(at)).then_some(Left::Nothing),
            Bucket::Ignored | Bucket::Unsent => None,
        };
        let shows = self.out.shows();
        let shown = shown.or_else(|| shows.then(|| Box::new(self.protocol.shown(&action))));
        if let Some(left) = left {
            self.memory.lock().note(action.collection, self.batch.hashes()[at as usize], left);
        }
        self.out.settle(self.batch, at as usize, bucket, reason, shown);
    }

    /// Settles what is left: it was not sent, or it cannot be told what became of it.
    pub(super) fn leave(&mut self) {
        for place in 0..self.batch.len() {
            let state = self.states[place];
            if state.settled {
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
