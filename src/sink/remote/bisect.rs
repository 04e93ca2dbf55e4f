//! Splits batches into parts, and bisects parts that a server refuses, so that one bad record costs one record. Parts stay
//! in order.

use super::memory::PROBES;
use super::settle::Settling;
use crate::action::Op;
use std::collections::HashMap;

impl Settling<'_> {
    /// Splits the batch into parts that are not too large for the server, as far as that is known. The first part comes
    /// last.
    pub(super) fn parts(&self) -> Vec<Vec<u32>> {
        let lists = self.by_kind();
        let Some(largest) = self.memory().max_body else { return lists.into_iter().rev().collect() };
        let mut parts: Vec<Vec<u32>> = Vec::new();
        for list in lists {
            let (mut part, mut bytes) = (Vec::new(), 0);
            for index in list {
                let size = self.batch.size(index as usize);
                if !part.is_empty() && bytes + size > largest {
                    parts.push(std::mem::take(&mut part));
                    bytes = 0;
                }
                bytes += size;
                part.push(index);
            }
            parts.push(part);
        }
        parts.reverse();
        parts
    }

    /// Splits the batch into lists of one operation each, if the target needs that. Actions on different keys may be
    /// reordered, those on one key never are.
    fn by_kind(&self) -> Vec<Vec<u32>> {
        let all = 0..self.batch.len() as u32;
        if !self.protocol.is_of_one_kind() || self.batch.has_one_op() {
            return vec![all.collect()];
        }
        let ordered = self.protocol.is_globally_ordered();
        let mut done: Vec<Vec<u32>> = Vec::new();
        let mut open: Vec<(Op, Vec<u32>)> = Vec::new();
        let mut kinds: HashMap<&str, Op> = HashMap::new();
        for index in all {
            let (key, op) = self.key(index);
            let before = if ordered { open.last().map(|(op, _)| *op) } else { kinds.get(key).copied() };
            if before.is_some_and(|before| before != op) {
                done.extend(open.drain(..).map(|(_, list)| list));
                kinds.clear();
            }
            kinds.insert(key, op);
            match open.iter_mut().find(|(of, _)| *of == op) {
                Some((_, list)) => list.push(index),
                None => open.push((op, vec![index])),
            }
        }
        done.extend(open.into_iter().map(|(_, list)| list));
        done
    }

    /// Splits a part into two of about the same size; the second one waits.
    pub(super) fn halve(&mut self, part: &mut Vec<u32>) {
        let sizes = part.iter().map(|index| self.batch.size(*index as usize));
        let (all, mut before) = (sizes.clone().sum::<usize>(), 0);
        let middle = sizes.take_while(|size| {
            before += size;
            before <= all / 2
        });
        let middle = middle.count().clamp(1, part.len() - 1);
        self.waiting.push(part.split_off(middle));
    }

    /// Splits a refused part so that the action that the server names is alone, or else in two.
    pub(super) fn bisect(&mut self, part: &mut Vec<u32>, culprit: Option<usize>) {
        let Some(culprit) = culprit.filter(|culprit| *culprit < part.len() && !self.memory().is_misled) else {
            self.waiting.push(part.split_off(part.len() / 2));
            return;
        };
        self.suspect = Some(part[culprit]);
        self.waiting.push(part.split_off(culprit + 1));
        self.waiting.push(part.split_off(culprit));
    }

    /// Moves an action from elsewhere to the front of the waiting parts, if it is the only one on its key: so that some bad
    /// lines in a row are not mistaken for a refusal of everything.
    pub(super) fn probe(&mut self, nth: usize) {
        if self.protocol.is_globally_ordered() {
            return;
        }
        let hash = |index: &u32| self.batch.hashes()[*index as usize];
        let mut counts: HashMap<u64, u32> = HashMap::new();
        self.waiting.iter().flatten().for_each(|index| *counts.entry(hash(index)).or_default() += 1);
        let waiting = self.waiting.iter().rev().flatten().copied();
        let alone: Vec<u32> = waiting.filter(|index| counts[&hash(index)] == 1).collect();
        let Some(last) = alone.len().checked_sub(1) else { return };
        let probe = alone[last * PROBES[nth] / 8];
        self.waiting.iter_mut().for_each(|part| part.retain(|index| *index != probe));
        self.waiting.push(vec![probe]);
        self.waiting.retain(|part| !part.is_empty());
    }
}
