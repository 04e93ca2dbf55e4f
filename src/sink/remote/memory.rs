//! What the lanes of a run remember from one batch to the next, in bounded memory. The lanes share it: what one of them
//! learns about the server holds for all, and a lead batch has keys of all lanes.

use super::Unwritable;
use crate::key_filter::KeyFilter;
use std::collections::HashMap;

/// Maximum number of deleted keys that are remembered: 16 MB.
const MAX_DELETED: usize = 1 << 19;

/// Maximum length of the log, 8 MB, before there is a filter. Adding to a filter costs a cache miss for each key, and most
/// runs never ask it.
const MAX_LOG: usize = 1 << 20;

/// Keys that are moved from the log to the filter at a time.
const CHUNK: usize = 1 << 15;

/// The memory of a run.
#[derive(Debug, Default)]
pub struct Memory {
    /// Larger bodies, in bytes, are too large for the server.
    pub(super) max_body: Option<usize>,
    /// Whether the server once blamed an action that it then accepted. It is not believed again.
    pub(super) is_misled: bool,
    /// Whether the server has accepted any request.
    accepted: bool,
    /// Whether there was a warning that a request may arrive late.
    pub(super) has_warned_of_late: bool,
    /// The last refusal of a single action, and how many in a row were the same.
    refusal: Option<(String, u32)>,
    /// Whether single actions got different refusals.
    refusals_differ: bool,
    /// Whether any index took an action, or refused it for a reason of its own.
    written: bool,
    /// The first index that nothing can be written to, as a message.
    unwritable: Option<String>,
    /// Lanes that have nothing left to send.
    done: usize,
    /// Keys that have no document, or perhaps none, after their last action of this run.
    deleted: HashMap<u64, KeyState>,
    /// Whether some deleted key did not fit.
    overflow: bool,
    /// The collection that the first action named.
    collection: Option<String>,
    /// Whether others were named too. Then a key may have several documents.
    several: bool,
    /// Keys of settled batches that are not in the filter yet. They matter only once a response is missing.
    log: Vec<u64>,
    /// Keys of settled batches, once they are too many for the log or somebody asks for them.
    key_filter: Option<KeyFilter>,
}

/// What a refusal is blamed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The action.
    Action,
    /// Unclear until another action is tried: the one at this index of `PROBES`.
    Unclear(usize),
    /// All requests of this run, or the server.
    AllRequests,
}

/// What the last action on a key left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyState {
    /// A document.
    Stored,
    /// No document.
    Missing,
    /// One or the other.
    Unclear,
}

/// After this many equal refusals of single actions, with no action accepted yet, actions from elsewhere are tried first.
const MAX_SAME: u32 = 5;
/// Where those actions are, in eighths of what waits. If all of them are refused too, it is the fault of the requests.
pub(super) const PROBES: [usize; 5] = [8, 4, 2, 6, 1];
/// After this many equal internal errors for single actions in a row, the server is broken.
pub(super) const MAX_SAME_ERRORS: u32 = 10;

impl Memory {
    /// Adds the hashes of keys that have been settled.
    pub(super) fn add_keys(&mut self, hashes: impl Iterator<Item = u64>) {
        for hash in hashes {
            if self.log.len() >= if self.key_filter.is_some() { CHUNK } else { MAX_LOG } {
                self.move_log_to_filter();
            }
            self.log.push(hash);
        }
    }

    /// Moves the log into the filter, in chunks: the log shrinks while the filter grows.
    fn move_log_to_filter(&mut self) {
        while !self.log.is_empty() {
            let key_filter = self.key_filter.get_or_insert_default();
            for hash in self.log.drain(self.log.len().saturating_sub(CHUNK)..) {
                key_filter.insert(hash);
            }
            self.log.shrink_to_fit();
        }
    }

    /// Whether an earlier batch may have had the key with this hash. False is certain.
    pub(super) fn has_key(&mut self, hash: u64) -> bool {
        self.move_log_to_filter();
        self.key_filter.as_ref().is_some_and(|key_filter| key_filter.may_contain(hash))
    }

    /// Makes keys unclear that may have been used in several collections.
    pub(super) fn forget_collections(&mut self) {
        self.several = true;
    }

    /// Whether no key is remembered as deleted. Then a stored document changes nothing here.
    pub(super) fn none_deleted(&self) -> bool {
        self.deleted.is_empty()
    }

    /// Records what an action left under its key. A key without a record has a document, if it was ever seen.
    /// Returns whether that changes what is remembered.
    pub(super) fn record(&mut self, collection: &str, hash: u64, state: KeyState) -> bool {
        self.several |= self.collection.get_or_insert_with(|| collection.to_owned()) != collection;
        if state == KeyState::Stored {
            return !self.deleted.is_empty() && self.deleted.remove(&hash).is_some();
        }
        if self.deleted.len() < MAX_DELETED {
            self.deleted.insert(hash, state);
        } else {
            self.overflow = true;
        }
        true
    }

    /// What earlier actions of this run left under the key with this hash. `seen` says whether it may have been seen.
    pub(super) fn key_state(&self, hash: u64, seen: bool) -> KeyState {
        match self.deleted.get(&hash) {
            Some(state) => *state,
            None if !seen => KeyState::Missing,
            None if self.overflow || self.several || !self.key_filter.as_ref().is_none_or(KeyFilter::is_exact) => {
                KeyState::Unclear
            }
            None => KeyState::Stored,
        }
    }

    /// Records that bodies of more bytes are too large for the server.
    pub(super) fn too_large_above(&mut self, bytes: usize) {
        self.max_body = Some(self.max_body.unwrap_or(usize::MAX).min(bytes).max(1));
    }

    /// Records that the server has accepted a request.
    pub(super) fn record_accepted(&mut self) {
        self.accepted = true;
        self.refusal = None;
    }

    /// Records that a single action was refused, perhaps by an internal error of the server. Returns whose fault it is.
    pub(super) fn record_refusal(&mut self, reason: &str, is_internal: bool) -> Fault {
        let count = match &self.refusal {
            Some((before, count)) if before == reason => count + 1,
            _ => 1,
        };
        self.refusals_differ |= self.refusal.as_ref().is_some_and(|(before, _)| before != reason);
        self.refusal = Some((reason.to_owned(), count));
        match count {
            _ if is_internal && count >= MAX_SAME_ERRORS => Fault::AllRequests,
            _ if self.accepted || count < MAX_SAME => Fault::Action,
            _ if ((count - MAX_SAME) as usize) < PROBES.len() => Fault::Unclear((count - MAX_SAME) as usize),
            _ => Fault::AllRequests,
        }
    }

    /// Whether the last single actions were refused for the same reason, and no request was ever accepted.
    pub(super) fn was_always_refused(&self) -> bool {
        !self.accepted && self.refusal.as_ref().is_some_and(|(_, count)| *count > 1)
    }

    /// Records that an index is there to be written to.
    pub(super) fn record_written(&mut self) {
        self.written = true;
    }

    /// Records that nothing can be written to the index that a bulk line names.
    pub(super) fn record_unwritable(&mut self, found: &Unwritable) {
        self.unwritable.get_or_insert_with(|| found.message());
    }

    /// Records that a lane has nothing left to send. For the last lane it returns why the run has failed as a whole: every
    /// request was refused, or no index can be written to.
    pub(super) fn finish_lane(&mut self, lanes: usize) -> Option<String> {
        self.done += 1;
        if self.done < lanes {
            return None;
        }
        if !self.refusals_differ && self.was_always_refused() {
            return Some(self.refusal_message());
        }
        let first = self.unwritable.as_ref().filter(|_| !self.written)?;
        Some(format!("no index can be written to: {first}"))
    }

    /// The message for a server that refused every request.
    pub(super) fn refusal_message(&self) -> String {
        let reason = self.refusal.as_ref().map_or("", |(reason, _)| reason);
        format!("the server refused every request: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_filter;

    #[test]
    fn a_seen_key_has_a_document_unless_its_last_action_left_none() {
        let mut memory = Memory::default();
        assert_eq!(memory.key_state(key_filter::hash("a"), false), KeyState::Missing);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Stored);
        memory.record("", key_filter::hash("a"), KeyState::Missing);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Missing);
        memory.record("", key_filter::hash("a"), KeyState::Unclear);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Unclear);
        memory.record("", key_filter::hash("a"), KeyState::Stored);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Stored);
    }

    #[test]
    fn a_key_in_two_collections_may_be_two_documents() {
        let mut memory = Memory::default();
        memory.record("one", key_filter::hash("a"), KeyState::Stored);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Stored);
        memory.record("two", key_filter::hash("b"), KeyState::Stored);
        assert_eq!(memory.key_state(key_filter::hash("a"), true), KeyState::Unclear);
        assert_eq!(memory.key_state(key_filter::hash("c"), false), KeyState::Missing);
    }

    #[test]
    fn keys_of_settled_batches_are_found() {
        let mut memory = Memory::default();
        let hashes = |from: u64, to: u64| (from..to).map(|n| key_filter::hash(&n.to_string()));
        memory.add_keys(hashes(0, 1000));
        assert!(hashes(0, 1000).all(|hash| memory.has_key(hash)));
        memory.add_keys(hashes(1000, 300_000));
        assert!(hashes(0, 300_000).all(|hash| memory.has_key(hash)));
        assert_eq!(hashes(300_000, 600_000).filter(|hash| memory.has_key(*hash)).count(), 0);
    }

    #[test]
    fn keys_that_an_inexact_filter_reports_are_unclear() {
        let mut memory = Memory { key_filter: Some(KeyFilter::with_blocks(1 << 12)), ..Memory::default() };
        memory.add_keys((0..200_000).map(|n: u64| key_filter::hash(&n.to_string())));
        assert!(memory.has_key(key_filter::hash("7")));
        assert_eq!(memory.key_state(key_filter::hash("7"), true), KeyState::Unclear);
        assert_eq!(memory.key_state(key_filter::hash("new"), false), KeyState::Missing);
    }

    #[test]
    fn memory_is_bounded_and_keys_that_did_not_fit_are_unclear() {
        let mut memory = Memory::default();
        for n in 0..=MAX_DELETED {
            memory.record("", key_filter::hash(&n.to_string()), KeyState::Missing);
        }
        assert_eq!(memory.deleted.len(), MAX_DELETED);
        assert_eq!(memory.key_state(key_filter::hash("another"), true), KeyState::Unclear);
        assert_eq!(memory.key_state(key_filter::hash("0"), true), KeyState::Missing);
    }

    #[test]
    fn equal_refusals_are_the_fault_of_all_requests_if_nothing_was_ever_accepted() {
        let mut memory = Memory::default();
        let mut faults = |count: u32, reason: &str, is_internal: bool| -> Vec<Fault> {
            (0..count).map(|_| memory.record_refusal(reason, is_internal)).collect()
        };
        let mut expected = vec![Fault::Action; MAX_SAME as usize - 1];
        expected.extend((0..PROBES.len()).map(Fault::Unclear));
        expected.push(Fault::AllRequests);
        assert_eq!(faults(MAX_SAME + PROBES.len() as u32, "no", false), expected);
        assert_eq!(faults(1, "another", false), [Fault::Action]);
        memory.record_accepted();
        assert!((0..100).all(|_| memory.record_refusal("no", false) == Fault::Action));
        memory.record_accepted();
        assert!((1..MAX_SAME_ERRORS).all(|_| memory.record_refusal("oops", true) == Fault::Action));
        assert_eq!(memory.record_refusal("oops", true), Fault::AllRequests);
        assert_eq!(memory.finish_lane(1), None);
    }
}
