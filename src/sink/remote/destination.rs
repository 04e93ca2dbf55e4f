//! Where documents that are written to a name go. The name of an index never leads elsewhere; an alias, a data stream and a
//! name with a date in it do, and then a second try would make a second document.

/// What a target says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Nothing has the name yet.
    Absent,
    /// It is the name of an index.
    Index,
    /// It leads to another index now and then.
    Moving {
        /// The index that is written to now; empty if there is none, so that the server refuses what is written.
        write: String,
        /// The others behind the name; those of a data stream in their order, the oldest first.
        others: Vec<String>,
        /// Whether an index that was written to once is among the others for as long as it exists.
        lists_all: bool,
        /// The routing that the name gives to documents without one.
        routing: Option<String>,
    },
    /// It cannot be known, and why.
    Unclear(String),
}

/// An answer to the question where a name leads.
pub enum Named<Q> {
    /// It leads here.
    To(Destination),
    /// One more question has to be asked.
    Ask(Q),
}

/// Where an action's document lies.
#[derive(Clone, Debug, Default)]
pub struct Location {
    /// The index; empty if the action's own name is all that is known.
    pub index: String,
    /// The routing, where the action has none.
    pub routing: Option<String>,
}

/// Where a try went whose outcome is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// To where the next try goes, or to an index that is deleted.
    Here,
    /// Perhaps to one of these indices; `all` if certainly to none but these and the one that is written to now.
    Perhaps { indices: Vec<String>, all: bool },
    /// It cannot be known, and why.
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

    /// Where a document lies that was written to the name.
    pub(super) fn location(&self, name: &str) -> Location {
        let routing = match self {
            Destination::Moving { routing, .. } => routing.clone(),
            _ => None,
        };
        Location { index: self.write(name).unwrap_or_default().to_owned(), routing }
    }

    /// Where a try went that was sent after the name led to `before`, which is not known of every name. This is where the
    /// name leads now.
    pub(super) fn went(&self, name: &str, before: Option<&Destination>) -> Went {
        let old = before.and_then(|before| before.write(name));
        let was_index = matches!(before, Some(Destination::Index));
        match self {
            Destination::Unclear(_) if was_index => Went::Here,
            Destination::Unclear(why) => Went::Unclear(why.clone()),
            Destination::Absent | Destination::Index => match before {
                // A data stream takes its indices with it when it is deleted.
                Some(Destination::Moving { write, lists_all: false, .. }) if self.write(name) != Some(write) => {
                    Went::Perhaps { indices: vec![write.clone()], all: false }
                }
                _ => Went::Here,
            },
            Destination::Moving { write, .. } if old == Some(write) => Went::Here,
            Destination::Moving { others, lists_all: true, .. } if others.is_empty() => Went::Here,
            Destination::Moving { others, lists_all: true, .. } => {
                let first = others.iter().position(|other| Some(other.as_str()) == old).unwrap_or(0);
                Went::Perhaps { indices: others[first..].to_vec(), all: true }
            }
            Destination::Moving { write, others, .. } => {
                let listed = old.is_some_and(|old| others.iter().any(|other| other == old));
                let mut indices = others.clone();
                if !listed {
                    let earlier = old.filter(|_| !was_index);
                    indices.extend([earlier, Some(write)].into_iter().flatten().map(str::to_owned));
                    indices.retain(|index| !index.is_empty());
                }
                Went::Perhaps { indices, all: listed }
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

    fn perhaps(indices: &[&str], all: bool) -> Went {
        Went::Perhaps { indices: indices.iter().map(|index| (*index).to_owned()).collect(), all }
    }

    #[test]
    fn an_index_and_what_has_not_moved_are_where_the_first_try_went() {
        for before in [None, Some(Destination::Absent), Some(Destination::Index)] {
            assert_eq!(Destination::Index.went("n", before.as_ref()), Went::Here);
            assert_eq!(Destination::Absent.went("n", before.as_ref()), Went::Here);
        }
        for lists_all in [true, false] {
            let same = moving("b", &["a"], lists_all);
            assert_eq!(same.went("n", Some(&same)), Went::Here);
        }
        assert_eq!(Destination::Unclear("no".into()).went("n", Some(&Destination::Index)), Went::Here);
        assert_eq!(Destination::Absent.went("n", Some(&moving("b", &[], true))), Went::Here);
        assert_eq!(moving("a", &[], true).went("n", Some(&Destination::Absent)), Went::Here);
    }

    #[test]
    fn a_data_stream_lists_every_index_that_it_ever_wrote_to() {
        let now = moving("c", &["a", "b"], true);
        assert_eq!(now.went("n", None), perhaps(&["a", "b"], true));
        assert_eq!(now.went("n", Some(&moving("b", &["a"], true))), perhaps(&["b"], true));
        assert_eq!(now.went("n", Some(&moving("deleted", &[], true))), perhaps(&["a", "b"], true));
    }

    #[test]
    fn an_alias_tells_all_only_while_it_keeps_its_earlier_index() {
        let before = moving("a", &[], false);
        assert_eq!(moving("b", &["a"], false).went("n", Some(&before)), perhaps(&["a"], true));
        assert_eq!(moving("b", &[], false).went("n", Some(&before)), perhaps(&["a", "b"], false));
        assert_eq!(moving("b", &["x"], false).went("n", None), perhaps(&["x", "b"], false));
        assert_eq!(Destination::Absent.went("n", Some(&before)), perhaps(&["a"], false));
        assert_eq!(Destination::Index.went("n", Some(&before)), perhaps(&["a"], false));
        assert_eq!(moving("b", &[], false).went("n", Some(&Destination::Index)), perhaps(&["b"], false));
        assert!(matches!(Destination::Unclear("no".into()).went("n", Some(&before)), Went::Unclear(_)));
        // Without an index to write to, everything is refused.
        let refused = moving("", &["a", "b"], false);
        assert_eq!(refused.went("n", Some(&refused)), Went::Here);
        assert_eq!(refused.went("n", Some(&before)), perhaps(&["a", "b"], true));
        assert_eq!(moving("b", &["a"], false).went("n", Some(&refused)), perhaps(&["a", "b"], false));
    }
}
