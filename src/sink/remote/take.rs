//! Takes an answer apart: each action into its bucket, or among those that are sent again.

use super::settle::{Again, Settling};
use super::{Answer, Fate, Group, Reply, SinkError, Told};
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
                Fate::Conflict(reason) => self.conflict(*at, reason, told.shown),
                Fate::Rejected(reason) => self.end(*at, Bucket::Error, Some(reason), told.shown),
                Fate::Untold(why) => {
                    self.end(*at, Bucket::Unknown, Some(Reason::new("unclear_answer", why)), told.shown);
                }
                // `order` has decided on each.
                Fate::Busy(why) => self.overtaken(*at, "the server was busy with this one", &why, told.shown),
                Fate::Raced(reason) => {
                    self.overtaken(*at, "another request added the same field", &reason.text, told.shown);
                }
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
}
