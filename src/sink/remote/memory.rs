//! What a lane remembers from one batch to the next, in bounded memory.

use crate::seen;
use std::collections::HashMap;

/// Keys of which more than these are not remembered: 16 MB.
const KEYS: usize = 1 << 19;

/// A lane's memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Bodies above so many bytes were too large for the server.
    pub(super) largest: Option<usize>,
    /// Whether the server has ever taken a request.
    pub(super) accepted: bool,
    /// Whether a person has been told that running requests cannot be asked for.
    pub(super) told_unasked: bool,
    /// A refusal that single actions got, and how many in a row got that very one.
    refusal: Option<(String, u32)>,
    /// Keys whose last action of this run certainly, or perhaps, left no document.
    gone: HashMap<u64, Left>,
    /// Whether some key did not fit.
    overflow: bool,
    /// The collection that the first action named.
    collection: Option<String>,
    /// Whether another one was named too: a key may then stand for several documents.
    several: bool,
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

/// After so many single actions that got the same refusal, and none that was taken, it is the request's fault.
const SAME: u32 = 5;

impl Memory {
    /// Remembers what an action left under its key. A key that is not remembered has a document, if it was ever met.
    pub(super) fn note(&mut self, collection: &str, key: &str, left: Left) {
        self.several |= self.collection.get_or_insert_with(|| collection.to_owned()) != collection;
        if left == Left::Stored {
            if !self.gone.is_empty() {
                self.gone.remove(&seen::hash(key));
            }
        } else if self.gone.len() < KEYS {
            self.gone.insert(seen::hash(key), left);
        } else {
            self.overflow = true;
        }
    }

    /// What earlier actions of this run left under a key, of which `met` says whether it was perhaps met before.
    pub(super) fn before(&self, key: &str, met: bool) -> Left {
        match self.gone.get(&seen::hash(key)) {
            Some(left) => *left,
            None if !met => Left::Nothing,
            None if self.overflow || self.several => Left::Unclear,
            None => Left::Stored,
        }
    }

    /// Remembers that a single action was refused; true if it is the request's fault.
    pub(super) fn refused(&mut self, reason: &str) -> bool {
        let count = match &self.refusal {
            Some((before, count)) if before == reason => count + 1,
            _ => 1,
        };
        self.refusal = Some((reason.to_owned(), count));
        !self.accepted && count >= SAME
    }

    /// The refusal that every request of the run got, if there were several.
    pub(super) fn refused_everything(&self) -> Option<&str> {
        let (reason, count) = self.refusal.as_ref()?;
        (!self.accepted && *count > 1).then_some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_met_before_has_a_document_unless_its_last_action_left_none() {
        let mut memory = Memory::default();
        assert_eq!(memory.before("a", false), Left::Nothing);
        assert_eq!(memory.before("a", true), Left::Stored);
        memory.note("", "a", Left::Nothing);
        assert_eq!(memory.before("a", true), Left::Nothing);
        memory.note("", "a", Left::Unclear);
        assert_eq!(memory.before("a", true), Left::Unclear);
        memory.note("", "a", Left::Stored);
        assert_eq!(memory.before("a", true), Left::Stored);
    }

    #[test]
    fn a_key_in_two_collections_may_be_two_documents() {
        let mut memory = Memory::default();
        memory.note("one", "a", Left::Stored);
        assert_eq!(memory.before("a", true), Left::Stored);
        memory.note("two", "b", Left::Stored);
        assert_eq!(memory.before("a", true), Left::Unclear);
        assert_eq!(memory.before("c", false), Left::Nothing);
    }

    #[test]
    fn memory_is_bounded_and_says_so() {
        let mut memory = Memory::default();
        for n in 0..=KEYS {
            memory.note("", &n.to_string(), Left::Nothing);
        }
        assert_eq!(memory.gone.len(), KEYS);
        assert_eq!(memory.before("another", true), Left::Unclear);
        assert_eq!(memory.before("0", true), Left::Nothing);
    }

    #[test]
    fn the_same_refusal_again_and_again_is_the_requests_fault_if_nothing_was_ever_taken() {
        let mut memory = Memory::default();
        assert!((1..SAME).all(|_| !memory.refused("no")));
        assert!(memory.refused("no"));
        assert!(!memory.refused("another"));
        memory.accepted = true;
        assert!((0..10).all(|_| !memory.refused("no")));
        assert_eq!(memory.refused_everything(), None);
    }
}
