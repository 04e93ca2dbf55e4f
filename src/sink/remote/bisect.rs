//! Cuts what a server refuses into smaller requests, so that one bad record costs one record. Parts keep their order.

use super::memory::PROBES;
use super::settle::Settling;
use crate::action::Op;
use std::collections::HashMap;

impl Settling<'_> {
    /// Cuts the batch into parts that the server takes, as far as it is known what it takes; the first part comes last.
    pub(super) fn parts(&self) -> Vec<Vec<u32>> {
        let lists = self.by_kind();
        let Some(largest) = self.memory().largest else { return lists.into_iter().rev().collect() };
        let mut parts: Vec<Vec<u32>> = Vec::new();
        for list in lists {
            let (mut part, mut bytes) = (Vec::new(), 0);
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
        }
        parts.reverse();
        parts
    }

    /// Cuts the batch into lists of one kind each, if a request carries one kind only. Actions on other keys may change
    /// places, those on one key never do.
    fn by_kind(&self) -> Vec<Vec<u32>> {
        let all = 0..self.batch.len() as u32;
        if !self.protocol.is_of_one_kind() || self.batch.is_of_one_kind() {
            return vec![all.collect()];
        }
        let one_sequence = self.protocol.is_globally_ordered();
        let mut done: Vec<Vec<u32>> = Vec::new();
        let mut open: Vec<(Op, Vec<u32>)> = Vec::new();
        let mut kinds: HashMap<&str, Op> = HashMap::new();
        for at in all {
            let (key, op) = self.key(at);
            let before = if one_sequence { open.last().map(|(op, _)| *op) } else { kinds.get(key).copied() };
            if before.is_some_and(|before| before != op) {
                done.extend(open.drain(..).map(|(_, list)| list));
                kinds.clear();
            }
            kinds.insert(key, op);
            match open.iter_mut().find(|(of, _)| *of == op) {
                Some((_, list)) => list.push(at),
                None => open.push((op, vec![at])),
            }
        }
        done.extend(open.into_iter().map(|(_, list)| list));
        done
    }

    /// Cuts a part in two of about the same size; the second waits.
    pub(super) fn halve(&mut self, part: &mut Vec<u32>) {
        let sizes = part.iter().map(|at| self.batch.size(*at as usize));
        let (all, mut before) = (sizes.clone().sum::<usize>(), 0);
        let middle = sizes.take_while(|size| {
            before += size;
            before <= all / 2
        });
        let middle = middle.count().clamp(1, part.len() - 1);
        self.waiting.push(part.split_off(middle));
    }

    /// Cuts a refused part so that the action that the server names stands alone, or else in two.
    pub(super) fn bisect(&mut self, part: &mut Vec<u32>, culprit: Option<usize>) {
        let Some(place) = culprit.filter(|place| *place < part.len() && !self.memory().misled) else {
            self.waiting.push(part.split_off(part.len() / 2));
            return;
        };
        self.suspect = Some(part[place]);
        self.waiting.push(part.split_off(place + 1));
        self.waiting.push(part.split_off(place));
    }

    /// Puts an action from elsewhere in the batch in front of those that wait, if its key has no other action there: so some
    /// bad lines in a row are not taken for a refusal of everything.
    pub(super) fn probe(&mut self, nth: usize) {
        if self.protocol.is_globally_ordered() {
            return;
        }
        let hash = |at: &u32| self.batch.hashes()[*at as usize];
        let mut counts: HashMap<u64, u32> = HashMap::new();
        self.waiting.iter().flatten().for_each(|at| *counts.entry(hash(at)).or_default() += 1);
        let waiting = self.waiting.iter().rev().flatten().copied();
        let alone: Vec<u32> = waiting.filter(|at| counts[&hash(at)] == 1).collect();
        let Some(last) = alone.len().checked_sub(1) else { return };
        let probe = alone[last * PROBES[nth] / 8];
        self.waiting.iter_mut().for_each(|part| part.retain(|at| *at != probe));
        self.waiting.push(vec![probe]);
        self.waiting.retain(|part| !part.is_empty());
    }
}
