//! Takes an answer apart: each action into its bucket, or among those that are sent again.

use super::settle::{Again, Settling};
use super::{Answer, Fate, Group, ItemDetails, Reply, SinkError, Told};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::Wait;
use crate::sink::Bucket;

impl Settling<'_> {
    /// Takes what an answer says of each action. `None` when the run is asked to stop.
    pub(super) fn take(
        &mut self,
        group: Group<'_>,
        mut told: Vec<Told>,
        reply: Option<&Reply>,
        wait: &mut Wait,
    ) -> Result<Option<Again>, SinkError> {
        let part = group.at;
        let busy = told.iter().find_map(|told| match &told.fate {
            Fate::Busy(why) => Some(why.clone()),
            _ => None,
        });
        let mut again = vec![false; told.len()];
        if told.iter().any(|told| told.fate.is_open()) {
            // Where an item was stored matters now, so that is asked for too.
            if let (false, Some(reply)) = (self.out.shows(), reply)
                && let Answer::Items(shown) = self.protocol.answer(group, reply, true)
            {
                told = shown.of_each();
            }
            self.end_races(part, &mut told);
            self.order(part, &mut told, &mut again);
        }
        if self.loses {
            let Some(checked) = self.find_doubled(group, told, wait)? else { return Ok(None) };
            told = checked;
        }
        let (mut left, mut read, mut closed) = (Vec::new(), Vec::new(), None);
        for ((at, told), again) in part.iter().zip(told).zip(again) {
            let lost = self.states[*at as usize].lost;
            match told.fate {
                _ if again => left.push(*at),
                Fate::Closed(why) => closed = Some(why),
                Fate::Exists if lost => read.push((*at, None, told.shown)),
                Fate::Conflict(reason) if lost => read.push((*at, Some(reason), told.shown)),
                fate => self.end_told(*at, fate, told.shown),
            }
        }
        if !read.is_empty() && !self.read_back(read, wait)? {
            return Ok(None);
        }
        match closed {
            Some(why) => Err(SinkError::stopped(why)),
            None => Ok(Some(Again { left, busy })),
        }
    }

    /// Whether its batch has several actions on its key: a second try of them finds what the first left.
    fn comes_again(&self, at: u32) -> bool {
        let hash = self.batch.hashes()[at as usize];
        hash != 0 && self.batch.hashes().iter().filter(|other| **other == hash).count() > 1
    }

    /// Settles an action that is not sent again and need not be read back.
    fn end_told(&mut self, at: u32, fate: Fate, shown: Option<Box<ItemDetails>>) {
        let lost = self.states[at as usize].lost;
        match fate {
            // Nobody else makes such a key, so the document is that of the lost try.
            Fate::Updated | Fate::Unchanged if lost && self.batch.key(at as usize).0.starts_with(self.run) => {
                self.end(at, Bucket::Created, None, shown);
            }
            Fate::Updated | Fate::Unchanged => {
                let hides = lost && matches!(self.batch.key(at as usize).1, Op::Index | Op::Upsert);
                self.traffic.unsure(u64::from(hides));
                self.end(at, Bucket::Updated, None, shown);
            }
            Fate::NotFound if lost => {
                self.traffic.unsure(1);
                self.end(at, Bucket::Deleted, None, shown);
            }
            Fate::Created => {
                self.traffic.unsure(u64::from(lost && self.comes_again(at)));
                self.end(at, Bucket::Created, None, shown);
            }
            Fate::Ignored | Fate::NotFound => self.end(at, Bucket::Ignored, None, shown),
            Fate::Deleted => {
                self.traffic.unsure(u64::from(lost && self.comes_again(at)));
                self.end(at, Bucket::Deleted, None, shown);
            }
            Fate::Exists => self.exists(at, shown),
            Fate::Conflict(reason) => self.conflict(at, reason, shown),
            Fate::Rejected(reason) => self.end(at, Bucket::Error, Some(reason), shown),
            Fate::Untold(why) => self.end(at, Bucket::Unknown, Some(Reason::new("unclear_answer", why)), shown),
            // `order` has decided on each; what is closed never comes here.
            Fate::Busy(why) | Fate::Closed(why) => self.overtaken(at, "the server was busy with this one", &why, shown),
            Fate::Raced(reason) => self.overtaken(at, "another request added the same field", &reason.text, shown),
        }
    }
}
