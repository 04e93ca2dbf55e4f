//! Applies the actions of several batches together, in the order in which the store keeps their documents: keys are looked up
//! in the order of the index, and documents are read and written in the order of the table. So each page is visited once for
//! many actions, where actions in input order visit a page each.
//!
//! What is left is what applying one by one in input order leaves: the actions on one key stay in their order, and sequence
//! numbers are given in advance. An update that changes nothing needs no number, which is known only when it was merged; then
//! the numbers behind it are corrected.

use super::apply::Table;
use super::duplicate;
use super::item::Done;
use super::located::Located;
use crate::action::Op;
use crate::batch::{Batch, BatchAction};
use crate::record::Reason;
use crate::sink::{Bucket, Counts, Ledger};

/// An action, in input order.
#[derive(Clone, Copy)]
struct Slot {
    batch: u32,
    index: u32,
    /// The row of its key, later the row that it wrote; or `NO_ROW`.
    row: i64,
    /// Whether it takes a sequence number, which is first a guess.
    is_numbered: bool,
    outcome: Bucket,
}

/// Behind all rows: new documents are appended in input order.
const NO_ROW: i64 = i64::MAX;

/// Several batches, all of whose actions go to one collection.
pub(super) struct Group<'g> {
    batches: &'g [Batch],
    slots: Vec<Slot>,
    /// Why actions failed, other than for a duplicate key.
    reasons: Vec<(u32, Reason)>,
}

impl<'g> Group<'g> {
    pub(super) fn new(batches: &'g [Batch]) -> Group<'g> {
        let mut slots = Vec::with_capacity(batches.iter().map(Batch::len).sum());
        for (number, batch) in batches.iter().enumerate() {
            slots.extend((0..batch.len()).map(|index| Slot {
                batch: number as u32,
                index: index as u32,
                row: NO_ROW,
                is_numbered: false,
                outcome: Bucket::Unsent,
            }));
        }
        Group { batches, slots, reasons: Vec::new() }
    }

    fn key(&self, at: u32) -> &'g str {
        let Slot { batch, index, .. } = self.slots[at as usize];
        self.batches[batch as usize].key(index as usize).0
    }

    fn action(&self, at: u32) -> BatchAction<'g> {
        let Slot { batch, index, .. } = self.slots[at as usize];
        self.batches[batch as usize].action(index as usize)
    }

    /// Applies all actions.
    pub(super) fn apply(&mut self, table: &mut Table<'_>) -> rusqlite::Result<()> {
        self.locate(&mut table.located)?;
        let first = table.entry.next_seq;
        let (reserved, _) = self.numbers(first);
        let mut order: Vec<(i64, u32)> = (0..).zip(&self.slots).map(|(at, slot)| (slot.row, at)).collect();
        order.sort_unstable();
        let mut last = NO_ROW;
        for &(row, at) in &order {
            if row == NO_ROW || row != last {
                table.located.row = Some(row).filter(|row| *row != NO_ROW);
            }
            last = row;
            table.entry.next_seq = reserved[at as usize];
            self.apply_one(table, at)?;
        }
        let (numbers, next) = self.numbers(first);
        table.entry.next_seq = next;
        for (_, at) in order {
            let (Slot { row, is_numbered, .. }, at) = (self.slots[at as usize], at as usize);
            if is_numbered && row != NO_ROW && reserved[at] != numbers[at] {
                table.located.renumber(row, reserved[at], numbers[at])?;
            }
        }
        Ok(())
    }

    /// The next sequence number at each action, and behind the last.
    fn numbers(&self, first: i64) -> (Vec<i64>, i64) {
        let mut next = first;
        let number = |slot: &Slot| {
            let number = next;
            next += i64::from(slot.is_numbered);
            number
        };
        (self.slots.iter().map(number).collect(), next)
    }

    /// Finds the rows of all keys, and which actions will take a sequence number.
    fn locate(&mut self, located: &mut Located<'_>) -> rusqlite::Result<()> {
        let mut order: Vec<(u64, u32)> =
            (0..self.slots.len() as u32).map(|at| (first_bytes(self.key(at)), at)).collect();
        order.sort_unstable_by(|one, other| {
            let by_key = || self.key(one.1).cmp(self.key(other.1));
            one.0.cmp(&other.0).then_with(by_key).then(one.1.cmp(&other.1))
        });
        let (mut last, mut row, mut exists) = (None, NO_ROW, false);
        for (_, at) in order {
            let action = self.action(at);
            if last != Some(action.key) {
                last = Some(action.key);
                row = located.row_of(action.key)?.unwrap_or(NO_ROW);
                exists = row != NO_ROW;
            }
            let slot = &mut self.slots[at as usize];
            (slot.row, slot.is_numbered) = (row, takes_number(&action, exists));
            exists = action.op != Op::Delete && (exists || slot.is_numbered);
        }
        Ok(())
    }

    fn apply_one(&mut self, table: &mut Table<'_>, at: u32) -> rusqlite::Result<()> {
        let (action, is_numbered) = (self.action(at), self.slots[at as usize].is_numbered);
        let seq = table.entry.next_seq;
        table.located.written = None;
        let outcome = match action.op {
            Op::Create if !is_numbered => Bucket::Error,
            Op::CreateOrIgnore if !is_numbered => Bucket::Ignored,
            Op::Index if table.located.replace(seq, action.doc)? => {
                table.entry.next_seq += 1;
                Bucket::Updated
            }
            _ => match table.apply(&action)? {
                Done::Written(written) => written.bucket,
                Done::Failed { bucket, reason, .. } => {
                    self.reasons.push((at, reason));
                    bucket
                }
            },
        };
        let slot = &mut self.slots[at as usize];
        (slot.outcome, slot.is_numbered) = (outcome, table.entry.next_seq > seq);
        slot.row = table.located.written.unwrap_or(NO_ROW);
        Ok(())
    }

    /// Settles all actions, in input order.
    pub(super) fn settle(mut self, out: &mut Ledger) {
        self.reasons.sort_unstable_by_key(|(at, _)| *at);
        let mut reasons = std::mem::take(&mut self.reasons).into_iter().peekable();
        let mut counts = Counts::default();
        for at in 0..self.slots.len() as u32 {
            let reason = reasons.next_if(|(of, _)| *of == at).map(|(_, reason)| reason);
            let Slot { batch, index, outcome, .. } = self.slots[at as usize];
            if outcome == Bucket::Error {
                let reason = reason.unwrap_or_else(|| duplicate(self.key(at)));
                out.tried(1);
                out.settle(&self.batches[batch as usize], index as usize, outcome, Some(reason), None);
            } else {
                counts[outcome] += 1;
            }
        }
        for bucket in [Bucket::Created, Bucket::Updated, Bucket::Ignored, Bucket::Deleted] {
            out.settle_many(bucket, counts[bucket]);
        }
    }
}

/// Whether an action takes a sequence number, unless it is an update that changes nothing or fails.
fn takes_number(action: &BatchAction<'_>, exists: bool) -> bool {
    match action.op {
        Op::Create | Op::CreateOrIgnore => !exists,
        Op::Index | Op::Upsert | Op::Delete => true,
        Op::Update => exists || action.upsert.is_some(),
    }
}

/// The beginning of a key as a number, which orders most keys and is fast to compare.
fn first_bytes(key: &str) -> u64 {
    let mut bytes = [0; 8];
    key.bytes().zip(&mut bytes).for_each(|(byte, place)| *place = byte);
    u64::from_be_bytes(bytes)
}
