//! Merges one document into another as `--on-duplicate update` does, byte for byte where nothing changes.
//! Objects merge recursively, everything else replaces, `null` is a value like any other (contracts of ArangoDB's import
//! and of Elasticsearch's partial update agree on this). The old document keeps its order, blanks and spelling.

use super::{Kind, Member, Scanner, unescape};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Both documents nest objects in each other deeper than this; merging goes one call deeper for each.
const MAX_DEPTH: usize = 256;

/// Members above which names are looked up in a table, not one by one.
const LINEAR: usize = 24;

/// Why two documents could not be merged.
#[derive(Debug, PartialEq, Eq)]
pub enum MergeError {
    /// Objects on both sides are nested deeper than 256 levels.
    TooDeep,
    /// The stored document is not a JSON object: something else wrote it.
    NotAnObject,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::TooDeep => write!(f, "the documents to merge are nested deeper than {MAX_DEPTH} levels"),
            MergeError::NotAnObject => write!(f, "the stored document is not a JSON object"),
        }
    }
}

/// Appends to `out` what `old` becomes when `new` is merged into it. Both are JSON objects.
///
/// # Errors
/// See [`MergeError`]; `out` then holds a part of the result.
pub fn merge(old: &str, new: &str, out: &mut String) -> Result<(), MergeError> {
    merge_level(old, new, out, 0)
}

fn merge_level(old: &str, new: &str, out: &mut String, depth: usize) -> Result<(), MergeError> {
    if depth == MAX_DEPTH {
        return Err(MergeError::TooDeep);
    }
    let (mut old_scan, mut new_scan) = (Scanner::default(), Scanner::default());
    let old_end = old_scan.object(old.as_bytes()).map_err(|_| MergeError::NotAnObject)?;
    new_scan.object(new.as_bytes()).map_err(|_| MergeError::NotAnObject)?;
    let (old_members, new_members) = (old_scan.members(), new_scan.members());
    let old_names = Names::of(old, old_members);
    let new_names = Names::of(new, new_members);

    let mut copied = 0;
    for (place, member) in old_members.iter().enumerate() {
        // Of equal names the last one is the value, on both sides.
        if !old_names.is_last(place) {
            continue;
        }
        let Some(by) = new_names.find(&old_names.texts[place]) else { continue };
        let value = member.value.range();
        out.push_str(&old[copied..value.start]);
        let (was, is) = (&old[value.clone()], new_members[by].value.of(new));
        if Kind::of(was) == Kind::Object && Kind::of(is) == Kind::Object {
            merge_level(was, is, out, depth + 1)?;
        } else {
            out.push_str(is);
        }
        copied = value.end;
    }

    let mut empty = old_members.is_empty();
    let tail = old_members.last().map_or(old_end - 1, |member| member.value.end as usize);
    out.push_str(&old[copied..tail]);
    for (place, member) in new_members.iter().enumerate() {
        if new_names.is_last(place) && old_names.find(&new_names.texts[place]).is_none() {
            if !empty {
                out.push(',');
            }
            empty = false;
            out.push_str(&new[member.name.start as usize - 1..member.name.end as usize + 1]);
            out.push(':');
            out.push_str(member.value.of(new));
        }
    }
    out.push_str(&old[tail..]);
    Ok(())
}

/// The unescaped names of an object's members, and where each is last.
struct Names<'a> {
    texts: Vec<Cow<'a, str>>,
    table: Option<HashMap<String, usize>>,
}

impl<'a> Names<'a> {
    fn of(text: &'a str, members: &[Member]) -> Names<'a> {
        let texts: Vec<Cow<'a, str>> = members
            .iter()
            .map(|member| {
                let name = member.name.of(text);
                // Half of a surrogate pair cannot be unescaped; spelt the same it is the same name.
                if member.escaped { unescape(name).unwrap_or(Cow::Borrowed(name)) } else { Cow::Borrowed(name) }
            })
            .collect();
        let table = (texts.len() > LINEAR)
            .then(|| texts.iter().enumerate().map(|(place, name)| (name.to_string(), place)).collect());
        Names { texts, table }
    }

    fn find(&self, name: &str) -> Option<usize> {
        match &self.table {
            Some(table) => table.get(name).copied(),
            None => self.texts.iter().rposition(|text| text == name),
        }
    }

    fn is_last(&self, place: usize) -> bool {
        self.find(&self.texts[place]) == Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn merged(old: &str, new: &str) -> String {
        let mut out = String::new();
        merge(old, new, &mut out).expect("mergeable");
        out
    }

    #[test]
    fn untouched_bytes_stay() {
        assert_eq!(
            merged(r#"{ "a":1.0, "b" : {"x":1e400,"y":[1]} }"#, r#"{"b":{"y":null,"z":2},"c":9007199254740993}"#),
            r#"{ "a":1.0, "b" : {"x":1e400,"y":null,"z":2},"c":9007199254740993 }"#
        );
    }

    #[test]
    fn nulls_are_stored_and_arrays_replaced() {
        assert_eq!(merged(r#"{"a":[1,2],"b":1}"#, r#"{"a":[3],"b":null}"#), r#"{"a":[3],"b":null}"#);
    }

    #[test]
    fn empty_objects_on_either_side() {
        assert_eq!(merged("{ }", r#"{"a":1}"#), r#"{ "a":1}"#);
        assert_eq!(merged(r#"{"a":1}"#, "{}"), r#"{"a":1}"#);
    }

    #[test]
    fn names_are_compared_unescaped_and_the_last_of_equal_names_counts() {
        assert_eq!(merged(r#"{"\u0061":1,"a":2}"#, r#"{"a":3,"a":4}"#), r#"{"\u0061":1,"a":4}"#);
    }

    fn reference(old: &mut Map<String, Value>, new: &Map<String, Value>) {
        for (name, value) in new {
            match (old.get_mut(name), value) {
                (Some(Value::Object(was)), Value::Object(is)) => reference(was, is),
                _ => {
                    old.insert(name.clone(), value.clone());
                }
            }
        }
    }

    fn object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-c\"\\\\é]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 64, 40, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-f\"é]{0,2}", inner, 0..34)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
        .prop_filter("objects only", Value::is_object)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, max_global_rejects: 100_000, ..ProptestConfig::default() })]
        #[test]
        fn merges_as_a_tree_of_values_would(old in object(), new in object()) {
            let mut expected = old.as_object().expect("object").clone();
            reference(&mut expected, new.as_object().expect("object"));
            let text = merged(&old.to_string(), &new.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), Value::Object(expected));
        }
    }
}
