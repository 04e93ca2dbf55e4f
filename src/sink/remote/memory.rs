//! What the lanes of a run remember from one batch to the next, in bounded memory. They share it: what one of them learned
//! of the server holds for all, and a lead batch has keys of all lanes.

use crate::key_filter::KeyFilter;
use std::collections::HashMap;

/// Keys of which more than these are not remembered: 16 MB.
const KEYS: usize = 1 << 19;

/// Keys that are noted one behind the other, 8 MB, before there is a filter: a filter waits for memory at each
/// key, and most runs never ask it.
const LOG: usize = 1 << 20;

/// Keys that are moved from the log to the filter at once.
const PIECE: usize = 1 << 15;

/// The memory of a run.
#[derive(Debug, Default)]
pub struct Memory {
    /// Bodies above so many bytes were too large for the server.
    pub(super) largest: Option<usize>,
    /// Whether the server has once named an action that it then took: it is not believed again.
    pub(super) misled: bool,
    /// Whether the server has ever taken a request.
    accepted: bool,
    /// Whether a person has been told that running requests cannot be asked for.
    pub(super) told_unasked: bool,
    /// A refusal that single actions got, and how many in a row got that very one.
    refusal: Option<(String, u32)>,
    /// Whether single actions got different refusals.
    refusals_differ: bool,
    /// Lanes that have nothing left to send.
    done: usize,
    /// Keys whose last action of this run certainly, or perhaps, left no document.
    deleted: HashMap<u64, Left>,
    /// Whether some key did not fit.
    overflow: bool,
    /// The collection that the first action named.
    collection: Option<String>,
    /// Whether another one was named too: a key may then stand for several documents.
    several: bool,
    /// Keys of settled batches that are not in the filter yet. Nobody asks for them unless a response was not received.
    log: Vec<u64>,
    /// Keys of settled batches, once they are too many for a log or somebody asks for them.
    key_filter: Option<KeyFilter>,
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// That of the action.
    Actions,
    /// Another action has to be tried to tell, at this place of `PROBES`.
    Unclear(usize),
    /// That of all requests of this run, or of the server.
    Requests,
}

/// What the last action on a key left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// A document.
    Stored,
    /// None.
    Nothing,
    /// One or none.
    Unclear,
}

/// After so many single actions that got the same refusal, and none that was ever taken, others are tried before the next.
const SAME: u32 = 5;
/// Where these others are, in eighths of what waits; if they get it too, it is the request's fault.
pub(super) const PROBES: [usize; 5] = [8, 4, 2, 6, 1];
/// After so many single actions in a row that got the same error of the server's own, the server is out of order.
pub(super) const SAME_FAULT: u32 = 10;

impl Memory {
    /// Remembers that the keys with these hashes have been settled.
    pub(super) fn settled(&mut self, hashes: impl Iterator<Item = u64>) {
        for hash in hashes {
            if self.log.len() >= if self.key_filter.is_some() { PIECE } else { LOG } {
                self.fold();
            }
            self.log.push(hash);
        }
    }

    /// Moves the log into the filter, in pieces: it gives up its memory while the filter takes its own.
    fn fold(&mut self) {
        while !self.log.is_empty() {
            let key_filter = self.key_filter.get_or_insert_default();
            for hash in self.log.drain(self.log.len().saturating_sub(PIECE)..) {
                key_filter.insert(hash);
            }
            self.log.shrink_to_fit();
        }
    }

    /// Whether an action of an earlier batch perhaps had the key with this hash; if not, certainly none had.
    pub(super) fn has_key(&mut self, hash: u64) -> bool {
        self.fold();
        self.key_filter.as_ref().is_some_and(|key_filter| key_filter.may_contain(hash))
    }

    /// Whether a document stored in the run's own collection changes nothing of what is remembered.
    pub(super) fn none_deleted(&self) -> bool {
        self.deleted.is_empty()
    }

    /// Remembers what an action left under its key. A key that is not remembered has a document, if it was ever met.
    pub(super) fn note(&mut self, collection: &str, hash: u64, left: Left) {
        self.several |= self.collection.get_or_insert_with(|| collection.to_owned()) != collection;
        if left == Left::Stored {
            if !self.deleted.is_empty() {
                self.deleted.remove(&hash);
            }
        } else if self.deleted.len() < KEYS {
            self.deleted.insert(hash, left);
        } else {
            self.overflow = true;
        }
    }

    /// What earlier actions of this run left under the key with this hash, of which `met` says whether it was perhaps met
    /// before.
    pub(super) fn before(&self, hash: u64, met: bool) -> Left {
        match self.deleted.get(&hash) {
            Some(left) => *left,
            None if !met => Left::Nothing,
            None if self.overflow || self.several || !self.key_filter.as_ref().is_none_or(KeyFilter::is_exact) => {
                Left::Unclear
            }
            None => Left::Stored,
        }
    }

    /// Remembers that bodies above so many bytes are too large for the server.
    pub(super) fn too_large_above(&mut self, bytes: usize) {
        self.largest = Some(self.largest.unwrap_or(usize::MAX).min(bytes).max(1));
    }

    /// Remembers that the server has taken a request.
    pub(super) fn accepts(&mut self) {
        self.accepted = true;
        self.refusal = None;
    }

    /// Remembers that a single action was refused, perhaps by an error of the server's own, and says whose fault it is.
    pub(super) fn refused(&mut self, reason: &str, is_servers: bool) -> Fault {
        let count = match &self.refusal {
            Some((before, count)) if before == reason => count + 1,
            _ => 1,
        };
        self.refusals_differ |= self.refusal.as_ref().is_some_and(|(before, _)| before != reason);
        self.refusal = Some((reason.to_owned(), count));
        match count {
            _ if is_servers && count >= SAME_FAULT => Fault::Requests,
            _ if self.accepted || count < SAME => Fault::Actions,
            _ if ((count - SAME) as usize) < PROBES.len() => Fault::Unclear((count - SAME) as usize),
            _ => Fault::Requests,
        }
    }

    /// Whether single actions were refused for one reason to the last, and no request of the run was ever taken.
    pub(super) fn is_refused(&self) -> bool {
        !self.accepted && self.refusal.as_ref().is_some_and(|(_, count)| *count > 1)
    }

    /// Notes that a lane has nothing left to send. The last one finds out whether every request was refused.
    pub(super) fn refused_everything(&mut self, lanes: usize) -> bool {
        self.done += 1;
        self.done == lanes && !self.refusals_differ && self.is_refused()
    }

    /// Says so.
    pub(super) fn refused_every_request(&self) -> String {
        let reason = self.refusal.as_ref().map_or("", |(reason, _)| reason);
        format!("the server refused every request: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_filter;

    #[test]
    fn a_key_met_before_has_a_document_unless_its_last_action_left_none() {
        let mut memory = Memory::default();
        assert_eq!(memory.before(key_filter::hash("a"), false), Left::Nothing);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Stored);
        memory.note("", key_filter::hash("a"), Left::Nothing);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Nothing);
        memory.note("", key_filter::hash("a"), Left::Unclear);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Unclear);
        memory.note("", key_filter::hash("a"), Left::Stored);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Stored);
    }

    #[test]
    fn a_key_in_two_collections_may_be_two_documents() {
        let mut memory = Memory::default();
        memory.note("one", key_filter::hash("a"), Left::Stored);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Stored);
        memory.note("two", key_filter::hash("b"), Left::Stored);
        assert_eq!(memory.before(key_filter::hash("a"), true), Left::Unclear);
        assert_eq!(memory.before(key_filter::hash("c"), false), Left::Nothing);
    }

    #[test]
    fn keys_of_settled_batches_are_met() {
        let mut memory = Memory::default();
        let hashes = |from: u64, to: u64| (from..to).map(|n| key_filter::hash(&n.to_string()));
        memory.settled(hashes(0, 1000));
        assert!(hashes(0, 1000).all(|hash| memory.has_key(hash)));
        memory.settled(hashes(1000, 300_000));
        assert!(hashes(0, 300_000).all(|hash| memory.has_key(hash)));
        assert_eq!(hashes(300_000, 600_000).filter(|hash| memory.has_key(*hash)).count(), 0);
    }

    #[test]
    fn what_the_filter_cannot_tell_is_unclear() {
        let mut memory = Memory { key_filter: Some(KeyFilter::with_blocks(1 << 12)), ..Memory::default() };
        memory.settled((0..200_000).map(|n: u64| key_filter::hash(&n.to_string())));
        assert!(memory.has_key(key_filter::hash("7")));
        assert_eq!(memory.before(key_filter::hash("7"), true), Left::Unclear);
        assert_eq!(memory.before(key_filter::hash("new"), false), Left::Nothing);
    }

    #[test]
    fn memory_is_bounded_and_says_so() {
        let mut memory = Memory::default();
        for n in 0..=KEYS {
            memory.note("", key_filter::hash(&n.to_string()), Left::Nothing);
        }
        assert_eq!(memory.deleted.len(), KEYS);
        assert_eq!(memory.before(key_filter::hash("another"), true), Left::Unclear);
        assert_eq!(memory.before(key_filter::hash("0"), true), Left::Nothing);
    }

    #[test]
    fn the_same_refusal_again_and_again_is_the_requests_fault_if_nothing_was_ever_taken() {
        let mut memory = Memory::default();
        let mut faults = |count: u32, reason: &str, is_servers: bool| -> Vec<Fault> {
            (0..count).map(|_| memory.refused(reason, is_servers)).collect()
        };
        let mut expected = vec![Fault::Actions; SAME as usize - 1];
        expected.extend((0..PROBES.len()).map(Fault::Unclear));
        expected.push(Fault::Requests);
        assert_eq!(faults(SAME + PROBES.len() as u32, "no", false), expected);
        assert_eq!(faults(1, "another", false), [Fault::Actions]);
        memory.accepts();
        assert!((0..100).all(|_| memory.refused("no", false) == Fault::Actions));
        memory.accepts();
        assert!((1..SAME_FAULT).all(|_| memory.refused("oops", true) == Fault::Actions));
        assert_eq!(memory.refused("oops", true), Fault::Requests);
        assert!(!memory.refused_everything(1));
    }
}
