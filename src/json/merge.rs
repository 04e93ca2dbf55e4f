//! Merges one document into another as `--on-duplicate update` does, byte for byte where nothing changes.
//! Objects merge recursively, everything else replaces, `null` is a value like any other (contracts of ArangoDB's import
//! and of Elasticsearch's partial update agree on this). The old document keeps its order, blanks and spelling.

use super::{Field, JsonKind, Scanner, unescape};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Both documents nest objects in each other deeper than this; merging goes one call deeper for each.
const MAX_DEPTH: usize = 256;

/// Fields above which names are looked up in a table, not one by one.
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

/// Merges documents, and keeps its memory from one merge to the next.
#[derive(Debug, Default)]
pub struct Merger {
    /// Two scanners a level, for the old and the new side.
    scanners: Vec<(Scanner, Scanner)>,
}

impl Merger {
    /// Appends to `out` what `old` becomes when `new` is merged into it. Both are JSON objects.
    ///
    /// # Errors
    /// See [`MergeError`]; `out` then holds a part of the result.
    pub fn merge(&mut self, old: &str, new: &str, out: &mut String) -> Result<(), MergeError> {
        self.level(old, new, out, 0)
    }

    fn level(&mut self, old: &str, new: &str, out: &mut String, depth: usize) -> Result<(), MergeError> {
        if depth == MAX_DEPTH {
            return Err(MergeError::TooDeep);
        }
        if self.scanners.len() == depth {
            self.scanners.push(Default::default());
        }
        // Taken out for as long as this level needs them; the levels below use others.
        let (mut old_scan, mut new_scan) = std::mem::take(&mut self.scanners[depth]);
        let done = match (old_scan.object(old.as_bytes()), new_scan.object(new.as_bytes())) {
            (Ok(end), Ok(_)) => {
                let old = Side::new(old, old_scan.fields(), end);
                let new = Side::new(new, new_scan.fields(), 0);
                self.fields(&old, &new, out, depth).map(|()| append_new(&old, &new, out))
            }
            _ => Err(MergeError::NotAnObject),
        };
        self.scanners[depth] = (old_scan, new_scan);
        done
    }

    /// Copies the old fields, each with the value that the new side has for it.
    fn fields(&mut self, old: &Side<'_>, new: &Side<'_>, out: &mut String, depth: usize) -> Result<(), MergeError> {
        let mut copied = 0;
        for (index, field) in old.fields.iter().enumerate() {
            let name = old.name(index);
            let Some(by) = new.find(&name) else { continue };
            // Of equal names the last one is the value, on both sides.
            if old.find(&name) != Some(index) {
                continue;
            }
            let value = field.value.range();
            out.push_str(&old.text[copied..value.start]);
            let (was, is) = (&old.text[value.clone()], new.fields[by].value.of(new.text));
            if JsonKind::of(was) == JsonKind::Object && JsonKind::of(is) == JsonKind::Object {
                self.level(was, is, out, depth + 1)?;
            } else {
                out.push_str(is);
            }
            copied = value.end;
        }
        out.push_str(&old.text[copied..old.tail()]);
        Ok(())
    }
}

/// Appends the fields that only the new side has, and the end of the old one.
fn append_new(old: &Side<'_>, new: &Side<'_>, out: &mut String) {
    let mut empty = old.fields.is_empty();
    for (index, field) in new.fields.iter().enumerate() {
        let name = new.name(index);
        if old.find(&name).is_none() && new.find(&name) == Some(index) {
            out.push_str(if empty { "" } else { "," });
            empty = false;
            out.push_str(&new.text[field.name.start as usize - 1..field.name.end as usize + 1]);
            out.push(':');
            out.push_str(field.value.of(new.text));
        }
    }
    out.push_str(&old.text[old.tail()..]);
}

/// One of the two objects, and how its names are found.
struct Side<'a> {
    text: &'a str,
    fields: &'a [Field],
    /// One past the closing brace.
    end: usize,
    escaped: bool,
    /// Where each name is last, for objects with many fields.
    table: Option<HashMap<Cow<'a, str>, usize>>,
}

impl<'a> Side<'a> {
    fn new(text: &'a str, fields: &'a [Field], end: usize) -> Side<'a> {
        let escaped = fields.iter().any(|field| field.escaped);
        let mut side = Side { text, fields, end, escaped, table: None };
        if fields.len() > LINEAR {
            side.table = Some((0..fields.len()).map(|index| (side.name(index), index)).collect());
        }
        side
    }

    /// The unescaped name of a field.
    fn name(&self, index: usize) -> Cow<'a, str> {
        let field = &self.fields[index];
        let written = field.name.of(self.text);
        // An unpaired surrogate cannot be unescaped; spelt the same it is the same name.
        if field.escaped { unescape(written).unwrap_or(Cow::Borrowed(written)) } else { Cow::Borrowed(written) }
    }

    /// The last field of that name.
    fn find(&self, name: &str) -> Option<usize> {
        match &self.table {
            Some(table) => table.get(name).copied(),
            None if self.escaped => (0..self.fields.len()).rev().find(|index| self.name(*index) == name),
            None => self.fields.iter().rposition(|field| field.name.of(self.text) == name),
        }
    }

    /// Where what follows the last field begins.
    fn tail(&self) -> usize {
        self.fields.last().map_or(self.end - 1, |field| field.value.end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn merged(old: &str, new: &str) -> String {
        let mut out = String::new();
        Merger::default().merge(old, new, &mut out).expect("mergeable");
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
