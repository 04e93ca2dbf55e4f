//! What the reading thread does with a journal of an earlier try: it passes over what is settled, puts together again what
//! may have been sent, and sends nothing before the input has proved to be the same.

use super::job::Job;
use crate::journal::Journal;
use crate::key_filter::hash_bytes;
use crate::record::{BadRecord, Record};
use crate::sink::Held;

/// A run with a journal.
#[derive(Clone, Debug)]
pub struct Resume {
    /// The journal.
    pub journal: Journal,
    /// For each lane, the end of what is settled.
    pub settled: Vec<u64>,
    /// For each lane, the end of what may have been sent.
    pub sent: Vec<u64>,
    /// The end of a batch with records of all lanes that may have been sent.
    pub lead: Option<u64>,
    /// A position in the input, and the digest of the input up to there.
    pub verify: Option<(u64, u64)>,
    /// The number of records that earlier tries have settled.
    pub settled_count: u64,
    /// What earlier tries have applied in a target where it is not final yet.
    pub held: Held,
}

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is settled.
    PassOver,
    /// An earlier try may have sent it, with the others in its batch.
    SendAgain,
    /// It is new.
    Send,
}

/// How far the reading thread is with what earlier tries did.
#[derive(Debug)]
pub(super) struct Catchup {
    settled: Vec<u64>,
    sent: Vec<u64>,
    lead: Option<u64>,
    verify: Option<(u64, u64)>,
    /// Batches that wait until the input has proved to be the same, with their lanes.
    pub(super) held: Vec<(usize, Job)>,
    /// Whether the input is another one.
    pub(super) is_other_input: bool,
}

impl Catchup {
    /// That of a run with this number of lanes; none if nothing was sent.
    pub(super) fn new(resume: &Resume, lanes: usize, is_verified: bool) -> Option<Catchup> {
        let Resume { settled, sent, lead, verify, .. } = resume.clone();
        let in_lane = |marks: &[u64], lane: usize| marks.get(lane).copied().unwrap_or(0);
        let settled: Vec<u64> = (0..lanes).map(|lane| in_lane(&settled, lane)).collect();
        let sent = settled.iter().enumerate().map(|(lane, upto)| in_lane(&sent, lane).max(*upto)).collect();
        let left = verify.filter(|_| !is_verified);
        verify.map(|_| Catchup { settled, sent, lead, verify: left, held: Vec::new(), is_other_input: false })
    }

    /// Whether a batch of the lanes together comes first, in a part of the run whose first record is `first`.
    pub(super) fn needs_lead(&self, first: u64) -> bool {
        self.lead.is_some()
            || self.settled.iter().all(|upto| *upto <= first) && self.sent.iter().all(|end| *end <= first)
    }

    /// What is to be done with the record of this ordinal, whose key belongs to a lane.
    pub(super) fn step(&self, lane: usize, ordinal: u64) -> Step {
        if ordinal < self.settled[lane] {
            Step::PassOver
        } else if ordinal < self.sent[lane] || self.lead.is_some_and(|end| ordinal < end) {
            Step::SendAgain
        } else {
            Step::Send
        }
    }

    /// Whether the batch of a lane is one that is put together again, with the next record being this one.
    pub(super) fn is_filling(&self, lane: usize, next: u64) -> bool {
        self.lead.is_some_and(|end| next <= end) || self.settled[lane] < self.sent[lane] && next <= self.sent[lane]
    }

    /// The lanes whose batches are complete again before the record of this ordinal.
    pub(super) fn complete(&self, next: u64) -> Vec<usize> {
        match self.lead {
            Some(end) if next == end => vec![0],
            Some(end) if next < end => Vec::new(),
            _ => (0..self.sent.len()).filter(|lane| self.sent[*lane] == next && self.settled[*lane] < next).collect(),
        }
    }

    /// Compares the input up to the record of this ordinal. Returns whether what waits may be sent now.
    pub(super) fn verify(&mut self, next: u64, digest: u64) -> bool {
        if self.verify.is_none_or(|(end, _)| end != next) {
            return false;
        }
        self.is_other_input = self.verify.is_some_and(|(_, expected)| expected != digest);
        if !self.is_other_input {
            self.verify = None;
        }
        self.verify.is_none()
    }

    /// Whether nothing may be sent yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.verify.is_some()
    }

    /// Whether everything that earlier tries did lies before the record of this ordinal.
    pub(super) fn is_over(&self, next: u64) -> bool {
        let last = self.sent.iter().copied().chain(self.lead).max();
        self.verify.is_none() && last.is_none_or(|last| last <= next)
    }
}

/// The digest of an input with one more record.
pub(super) fn extended(digest: u64, record: u64) -> u64 {
    (digest.rotate_left(23) ^ record).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The digest of a record: what it is and where.
pub(super) fn digest_of(record: &Record<'_>) -> u64 {
    let mut digest = digest_of_text(record.whole().text.as_bytes()) ^ record.origin.offset.rotate_left(40);
    if let Some(command) = record.command {
        digest = extended(digest, hash_bytes(command.meta.as_bytes()) ^ command.op as u64);
    }
    digest
}

/// A hash in which each eight bytes take one multiplication; four of them overlap.
fn digest_of_text(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (chunks, rest) = text.as_chunks::<32>();
    let mut sums = [1, 2, 3, 4_u64];
    for chunk in chunks {
        let (words, _) = chunk.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = (*sum ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
    sums.into_iter().fold(hash_bytes(rest) ^ text.len() as u64, extended)
}

/// The digest of what is no record.
pub(super) fn digest_of_bad(bad: &BadRecord<'_>) -> u64 {
    hash_bytes(bad.raw) ^ bad.origin.offset.rotate_left(40) ^ bad.origin.line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_record_changes_its_digest() {
        let text: Vec<u8> = (0..100).collect();
        let digest = digest_of_text(&text);
        for index in 0..text.len() {
            for bit in 0..8 {
                let mut other = text.clone();
                other[index] ^= 1 << bit;
                assert_ne!(digest_of_text(&other), digest, "bit {bit} of byte {index}");
            }
        }
        let (mut one, mut other) = (text.clone(), text.clone());
        one.swap(0, 32);
        other.swap(8, 16);
        assert!(digest_of_text(&one) != digest && digest_of_text(&other) != digest);
        assert_ne!(digest_of_text(&text[..99]), digest);
    }
}
