//! Where documents go that are written to a name. The name of an index always means that index. An alias, a data stream or
//! a name with a date may come to mean another index, and then a retry would create a second document.

use serde::{Deserialize, Serialize};

/// What a name means to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// Nothing has the name yet.
    Absent,
    /// It is the name of an index.
    Index,
    /// It leads to an index, and may lead to another one later.
    Moving {
        /// The index that is written to now; empty if there is none, and then the server refuses all writes.
        write: String,
        /// The other indices of the name; those of a data stream are in order, the oldest first.
        others: Vec<String>,
        /// Whether `others` lists every index that was ever written to and still exists.
        lists_all: bool,
        /// The routing of the name, for documents without one.
        routing: Option<String>,
    },
    /// Unknown, and why.
    Unclear(String),
}

/// A step on the way to a name's destination.
pub enum Resolution<Q> {
    /// The destination.
    Done(Destination),
    /// One more request is needed.
    Next(Q),
}

/// Where an action's document is stored.
#[derive(Clone, Debug, Default)]
pub struct Location {
    /// The index; empty if only the action's own name is known.
    pub index: String,
    /// The routing, where the action has none.
    pub routing: Option<String>,
}

/// Where an earlier try went that got no response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EarlierTry {
    /// To the index that a retry goes to, or to one that is deleted.
    SameIndex,
    /// Perhaps to one of these indices. `all` if it can only be one of them or the one that is written to now.
    MaybeIn { indices: Vec<String>, all: bool },
    /// Unknown, and why.
    Unclear(String),
}

impl Destination {
    /// The index that is written to, if it is known.
    pub(super) fn write<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self {
            Destination::Index => Some(name),
            Destination::Moving { write, .. } => Some(write),
            Destination::Absent | Destination::Unclear(_) => None,
        }
    }

    /// Where a document is stored that is written to the name now.
    pub(super) fn location(&self, name: &str) -> Location {
        let routing = match self {
            Destination::Moving { routing, .. } => routing.clone(),
            _ => None,
        };
        Location { index: self.write(name).unwrap_or_default().to_owned(), routing }
    }

    /// Where a try went that was sent when the name led to `before`, if that is known. `self` is where the name leads now.
    pub(super) fn earlier_try(&self, name: &str, before: Option<&Destination>) -> EarlierTry {
        let old = before.and_then(|before| before.write(name));
        let was_index = matches!(before, Some(Destination::Index));
        match self {
            Destination::Unclear(_) if was_index => EarlierTry::SameIndex,
            Destination::Unclear(why) => EarlierTry::Unclear(why.clone()),
            Destination::Absent | Destination::Index => match before {
                // A data stream takes its indices with it when it is deleted.
                Some(Destination::Moving { write, lists_all: false, .. }) if self.write(name) != Some(write) => {
                    EarlierTry::MaybeIn { indices: vec![write.clone()], all: false }
                }
                _ => EarlierTry::SameIndex,
            },
            Destination::Moving { write, .. } if old == Some(write) => EarlierTry::SameIndex,
            Destination::Moving { others, lists_all: true, .. } if others.is_empty() => EarlierTry::SameIndex,
            Destination::Moving { others, lists_all: true, .. } => {
                let first = others.iter().position(|other| Some(other.as_str()) == old).unwrap_or(0);
                EarlierTry::MaybeIn { indices: others[first..].to_vec(), all: true }
            }
            Destination::Moving { write, others, .. } => {
                let listed = old.is_some_and(|old| others.iter().any(|other| other == old));
                let mut indices = others.clone();
                if !listed {
                    let earlier = old.filter(|_| !was_index);
                    indices.extend([earlier, Some(write)].into_iter().flatten().map(str::to_owned));
                    indices.retain(|index| !index.is_empty());
                }
                EarlierTry::MaybeIn { indices, all: listed }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving(write: &str, others: &[&str], lists_all: bool) -> Destination {
        let others = others.iter().map(|other| (*other).to_owned()).collect();
        Destination::Moving { write: write.to_owned(), others, lists_all, routing: None }
    }

    fn maybe_in(indices: &[&str], all: bool) -> EarlierTry {
        EarlierTry::MaybeIn { indices: indices.iter().map(|index| (*index).to_owned()).collect(), all }
    }

    #[test]
    fn an_index_and_a_name_that_did_not_move_mean_the_same_index_for_the_earlier_try() {
        for before in [None, Some(Destination::Absent), Some(Destination::Index)] {
            assert_eq!(Destination::Index.earlier_try("n", before.as_ref()), EarlierTry::SameIndex);
            assert_eq!(Destination::Absent.earlier_try("n", before.as_ref()), EarlierTry::SameIndex);
        }
        for lists_all in [true, false] {
            let same = moving("b", &["a"], lists_all);
            assert_eq!(same.earlier_try("n", Some(&same)), EarlierTry::SameIndex);
        }
        assert_eq!(
            Destination::Unclear("no".into()).earlier_try("n", Some(&Destination::Index)),
            EarlierTry::SameIndex
        );
        assert_eq!(Destination::Absent.earlier_try("n", Some(&moving("b", &[], true))), EarlierTry::SameIndex);
        assert_eq!(moving("a", &[], true).earlier_try("n", Some(&Destination::Absent)), EarlierTry::SameIndex);
    }

    #[test]
    fn a_data_stream_lists_all_indices_that_it_ever_wrote_to() {
        let now = moving("c", &["a", "b"], true);
        assert_eq!(now.earlier_try("n", None), maybe_in(&["a", "b"], true));
        assert_eq!(now.earlier_try("n", Some(&moving("b", &["a"], true))), maybe_in(&["b"], true));
        assert_eq!(now.earlier_try("n", Some(&moving("deleted", &[], true))), maybe_in(&["a", "b"], true));
    }

    #[test]
    fn an_alias_lists_all_indices_only_while_it_keeps_its_earlier_one() {
        let before = moving("a", &[], false);
        assert_eq!(moving("b", &["a"], false).earlier_try("n", Some(&before)), maybe_in(&["a"], true));
        assert_eq!(moving("b", &[], false).earlier_try("n", Some(&before)), maybe_in(&["a", "b"], false));
        assert_eq!(moving("b", &["x"], false).earlier_try("n", None), maybe_in(&["x", "b"], false));
        assert_eq!(Destination::Absent.earlier_try("n", Some(&before)), maybe_in(&["a"], false));
        assert_eq!(Destination::Index.earlier_try("n", Some(&before)), maybe_in(&["a"], false));
        assert_eq!(moving("b", &[], false).earlier_try("n", Some(&Destination::Index)), maybe_in(&["b"], false));
        assert!(matches!(Destination::Unclear("no".into()).earlier_try("n", Some(&before)), EarlierTry::Unclear(_)));
        // Without an index to write to, everything is refused.
        let refused = moving("", &["a", "b"], false);
        assert_eq!(refused.earlier_try("n", Some(&refused)), EarlierTry::SameIndex);
        assert_eq!(refused.earlier_try("n", Some(&before)), maybe_in(&["a", "b"], true));
        assert_eq!(moving("b", &["a"], false).earlier_try("n", Some(&refused)), maybe_in(&["a", "b"], false));
    }
}
