//! Records the items of a response: each action goes into its bucket, or is sent again. Actions on one key stay in order.
//! Also remembers what each action left under its key.

use super::memory::KeyState;
use super::settle::{Abort, ActionState, Settling};
use super::{Details, Group, ItemOutcome, ItemOutcomes, ItemResult, Response, Verdict};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::RetryReason;
use crate::sink::{Bucket, ItemDetails};
use std::collections::HashMap;
use std::time::Duration;

/// How long a cluster needs to publish a new field to all of its nodes.
const PUBLISH_TIME: Duration = Duration::from_millis(100);

/// How many races an action may lose, each about another field.
const MAX_RACES: usize = 5;

impl Settling<'_> {
    /// Records the outcome of each action. What is to be sent again stays in the part.
    pub(super) fn record_items(
        &mut self,
        part: &mut Vec<u32>,
        per_item: bool,
        outcomes: ItemOutcomes,
        response: &Response,
    ) -> Result<(), Abort> {
        let indexes = std::mem::take(part);
        let group = Group { batch: self.batch, indexes: &indexes, per_item };
        let mut busy = None;
        if per_item || !self.record_all(group, &outcomes) {
            self.record_accepted(group);
            (*part, busy) = self.record_each(group, outcomes.into_results(), response)?;
        }
        if part.is_empty() {
            self.shared.gate.grow();
            return Ok(());
        }
        if part.len() < indexes.len() {
            self.tries.wait.reset();
        }
        let Some(busy) = busy else { return self.wait_for_fields() };
        self.shared.gate.shrink();
        self.pause(RetryReason::Busy, response.retry_after, &busy)
    }

    /// Counts the actions all at once, where `record` would only count each of them. False if each needs a look.
    fn record_all(&mut self, group: Group<'_>, outcomes: &ItemOutcomes) -> bool {
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
            // Of a stored document, only the name of its collection is remembered.
            self.memory().record("", self.batch.hashes()[group.indexes[0] as usize], KeyState::Stored);
        }
        self.record_accepted(group);
        self.memory().record_written();
        group.indexes.iter().for_each(|index| self.states[*index as usize].settled = true);
        self.out.settle_many(bucket, group.len() as u64);
        true
    }

    /// Records each outcome. Returns the actions to send again, and the reason if the server was busy.
    fn record_each(
        &mut self,
        group: Group<'_>,
        mut results: Vec<ItemResult>,
        response: &Response,
    ) -> Result<(Vec<u32>, Option<String>), Abort> {
        let busy = results.iter().find_map(|result| match &result.outcome {
            ItemOutcome::Busy(why) => Some(why.clone()),
            _ => None,
        });
        let mut again = vec![false; results.len()];
        if results.iter().any(|result| result.outcome.is_retryable()) {
            // Now it matters where each item was stored.
            if !self.out.wants_results()
                && let Verdict::Items(detailed) = self.protocol.read_response(group, response, true)
            {
                results = detailed.into_results();
            }
            self.reject_repeated_races(group.indexes, &mut results);
            self.choose_retries(group.indexes, &results, &mut again);
        }
        if results.iter().any(|result| !matches!(result.outcome, ItemOutcome::Unwritable(_))) {
            self.memory().record_written();
        }
        if self.has_unconfirmed {
            self.find_doubled(group.indexes, &mut results)?;
        }
        let (mut retries, mut unclear, mut fatal) = (Vec::new(), Vec::new(), None);
        for ((index, result), again) in group.indexes.iter().zip(results).zip(again) {
            let unconfirmed = self.states[*index as usize].unconfirmed;
            match result.outcome {
                _ if again => retries.push(*index),
                ItemOutcome::Unwritable(found) if self.is_own(*index) => fatal = Some(found.message()),
                ItemOutcome::Unwritable(found) if unconfirmed => {
                    self.memory().record_unwritable(&found);
                    unclear.push((*index, Some(found.reason), result.details));
                }
                ItemOutcome::Exists if unconfirmed => unclear.push((*index, None, result.details)),
                ItemOutcome::Conflict(reason) if unconfirmed => unclear.push((*index, Some(reason), result.details)),
                outcome => self.record_result(*index, outcome, result.details),
            }
        }
        self.read_back(unclear)?;
        match fatal {
            Some(why) => Err(Abort::Failed(why)),
            None => Ok((retries, busy)),
        }
    }

    /// Waits until the fields of a lost race should be there. Our own requests that add fields are answered once they are;
    /// for those of other programs there is a pause.
    fn wait_for_fields(&mut self) -> Result<(), Abort> {
        self.shared.gate.wait_until_empty();
        if (self.io.sleep)(PUBLISH_TIME) { Ok(()) } else { Err(Abort::StopRequested) }
    }

    /// Makes an error of what was sent again after a race and got the same refusal.
    fn reject_repeated_races(&mut self, part: &[u32], results: &mut [ItemResult]) {
        for (index, result) in part.iter().zip(results) {
            let ItemOutcome::Raced(reason) = &result.outcome else { continue };
            let reasons = self.races.entry(*index).or_default();
            if reasons.len() < MAX_RACES && !reasons.contains(&reason.text) {
                reasons.push(reason.text.clone());
            } else {
                result.outcome = ItemOutcome::Rejected(reason.clone());
            }
        }
    }

    /// Decides which actions are sent again after some were busy or raced, so that no key ends with an older value. Such an
    /// action is overtaken if a later one on its key was applied. Otherwise it is sent again, and what came after it too.
    fn choose_retries(&self, part: &[u32], results: &[ItemResult], again: &mut [bool]) {
        let mut keys: HashMap<&str, Vec<usize>> = HashMap::new();
        let ordered = self.protocol.is_globally_ordered();
        let key = |index: u32| if ordered { "" } else { self.key(index).0 };
        for (nth, index) in part.iter().enumerate() {
            match key(*index) {
                // An action without a key is independent of the others.
                "" if !ordered => again[nth] = results[nth].outcome.is_retryable(),
                key => keys.entry(key).or_default().push(nth),
            }
        }
        for on_key in keys.into_values() {
            for (position, nth) in on_key.iter().enumerate() {
                if !results[*nth].outcome.is_retryable() {
                    continue;
                }
                let same = |other: &&usize| may_be_same_document(&results[*nth], &results[**other]);
                let later: Vec<usize> = on_key[position + 1..].iter().filter(same).copied().collect();
                let is_applied = |other: &usize| {
                    matches!(
                        results[*other].outcome,
                        ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Deleted | ItemOutcome::Unclear(_)
                    )
                };
                if later.iter().any(is_applied) {
                    continue;
                }
                again[*nth] = true;
                later
                    .iter()
                    .for_each(|other| again[*other] |= !matches!(results[*other].outcome, ItemOutcome::Unwritable(_)));
            }
        }
    }

    /// Records an action that was not applied before a later one on its key was.
    fn record_overtaken(&mut self, index: u32, cause: &str, why: &str, mut details: Details) {
        // The server's error is no longer the reason.
        if let Some(details) = &mut details {
            details.error = None;
        }
        let later = if self.protocol.is_globally_ordered() { "a later action" } else { "a later action on this key" };
        let text = format!("{later} was carried out while {cause}: {why}");
        // An earlier try without a response may have been applied before the later action.
        let bucket = if self.states[index as usize].unconfirmed { Bucket::Unknown } else { Bucket::Error };
        self.record(index, bucket, Some(Reason::new("overtaken", text)), details);
    }

    /// Records an action that is not sent again and need not be read back.
    fn record_result(&mut self, index: u32, outcome: ItemOutcome, details: Details) {
        let unconfirmed = self.states[index as usize].unconfirmed;
        let (bucket, uncertain) = match outcome {
            ItemOutcome::Created => (Bucket::Created, unconfirmed && self.has_duplicates(index)),
            // The document is that of the earlier try.
            ItemOutcome::Updated | ItemOutcome::Unchanged if unconfirmed && self.is_generated(index) => {
                (Bucket::Created, false)
            }
            ItemOutcome::Updated | ItemOutcome::Unchanged => {
                (Bucket::Updated, unconfirmed && matches!(self.key(index).1, Op::Index | Op::Upsert))
            }
            ItemOutcome::NotFound if unconfirmed => (Bucket::Deleted, true),
            ItemOutcome::Ignored | ItemOutcome::NotFound => (Bucket::Ignored, false),
            ItemOutcome::Deleted => (Bucket::Deleted, unconfirmed && self.has_duplicates(index)),
            ItemOutcome::Exists => return self.record_exists(index, details),
            ItemOutcome::Conflict(reason) => return self.record_conflict(index, reason, details),
            ItemOutcome::Rejected(reason) => return self.record(index, Bucket::Error, Some(reason), details),
            ItemOutcome::Unwritable(found) => {
                self.memory().record_unwritable(&found);
                return self.record(index, Bucket::Error, Some(found.reason), details);
            }
            ItemOutcome::Unclear(why) => {
                return self.record(index, Bucket::Unknown, Some(Reason::new("unclear_answer", why)), details);
            }
            // `choose_retries` has decided on each.
            ItemOutcome::Busy(why) => {
                return self.record_overtaken(index, "the server was busy with this one", &why, details);
            }
            ItemOutcome::Raced(reason) => {
                return self.record_overtaken(index, "another request added the same field", &reason.text, details);
            }
        };
        self.shared.traffic.count_uncertain(u64::from(uncertain));
        self.record(index, bucket, None, details);
    }

    /// Whether the batch has several actions on this key: then a retry of one finds what another left.
    fn has_duplicates(&self, index: u32) -> bool {
        let hash = self.batch.hashes()[index as usize];
        hash != 0 && self.batch.hashes().iter().filter(|other| **other == hash).count() > 1
    }

    /// Records an action that found its key taken.
    pub(super) fn record_exists(&mut self, index: u32, details: Details) {
        let (key, op) = self.key(index);
        if op == Op::CreateOrIgnore {
            return self.record(index, Bucket::Ignored, None, details);
        }
        let reason = Reason::new("duplicate_key", format!("duplicate key {key:?}"));
        self.record(index, Bucket::Error, Some(reason), details);
    }

    /// Records an action that failed on a condition: the user's own, or a unique index.
    pub(super) fn record_conflict(&mut self, index: u32, reason: Reason, details: Details) {
        match self.key(index).1 {
            Op::CreateOrIgnore => self.record(index, Bucket::Ignored, None, details),
            _ => self.record(index, Bucket::Error, Some(reason), details),
        }
    }

    /// Records an action of which it is unknown whether it was applied.
    pub(super) fn record_unknown(&mut self, index: u32, text: &str, details: Details) {
        self.record(index, Bucket::Unknown, Some(Reason::new("lost", text)), details);
    }

    /// Records the final bucket of an action, and what it left under its key.
    pub(super) fn record(&mut self, index: u32, bucket: Bucket, reason: Option<Reason>, details: Details) {
        self.states[index as usize].settled = true;
        let stored = matches!(bucket, Bucket::Created | Bucket::Updated);
        let is_plain = stored && reason.is_none() && !self.out.wants_results() && !self.batch.is_line(index as usize);
        if is_plain && self.memory().none_deleted() {
            return self.out.settle_many(bucket, 1);
        }
        let action = self.batch.action(index as usize);
        let is_duplicate = reason.as_ref().is_some_and(|reason| reason.kind == "duplicate_key");
        let state = match bucket {
            Bucket::Created | Bucket::Updated => Some(KeyState::Stored),
            Bucket::Deleted => Some(KeyState::Missing),
            Bucket::Ignored if action.op == Op::Delete => Some(KeyState::Missing),
            Bucket::Unknown => Some(KeyState::Unclear),
            Bucket::Error if is_duplicate => Some(KeyState::Stored),
            // What was there before is still there.
            Bucket::Error => (!self.has_key(index)).then_some(KeyState::Missing),
            Bucket::Ignored | Bucket::Unsent => None,
        };
        if let Some(state) = state {
            let hash = self.batch.hashes()[index as usize];
            let is_changed = self.memory().record(action.collection, hash, state);
            if is_changed && hash != 0 {
                self.out.note_key(hash, state.number());
            }
        }
        let details = details.or_else(|| self.out.wants_results().then(|| Box::new(self.protocol.details(&action))));
        // The other refusals bring their details.
        let is_conflict = details.is_none() && is_duplicate && self.out.wants_rejects();
        let conflict = || Box::new(ItemDetails { status: 409, ..ItemDetails::default() });
        let details = details.or_else(|| is_conflict.then(conflict));
        self.out.tried(self.states[index as usize].sends);
        self.out.settle(self.batch, index as usize, bucket, reason, details);
    }

    /// Records the actions that are left: they were not sent, or their outcome is unknown.
    pub(super) fn record_unsettled(&mut self) {
        for index in 0..self.batch.len() as u32 {
            match self.states[index as usize] {
                ActionState { settled: true, .. } => {}
                ActionState { unconfirmed: true, .. } => {
                    let text = "no response was received, and the run ended before it could be sent again";
                    self.record_unknown(index, text, None);
                }
                _ => self.record(index, Bucket::Unsent, None, None),
            }
        }
    }
}

/// Whether two items with the same key may be the same document. The server reports the index of each.
fn may_be_same_document(one: &ItemResult, other: &ItemResult) -> bool {
    match (&one.details, &other.details) {
        (Some(one), Some(other)) => one.index.is_empty() || other.index.is_empty() || one.index == other.index,
        _ => true,
    }
}
