//! Merges one document into another for `--on-duplicate update`. Unchanged parts keep every byte.
//! Objects are merged recursively, other values are replaced, and `null` is a value like any other: ArangoDB's import and
//! Elasticsearch's partial update agree on this. The old document keeps its field order and formatting.

use super::{Field, JsonKind, Scanner, same_parsed, unescape};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Maximum depth of objects that are nested in both documents. Each level is one recursive call.
const MAX_DEPTH: usize = 256;

/// Maximum number of fields for which names are searched one by one; above it a table is used.
const MAX_LINEAR: usize = 24;

#[derive(Debug, PartialEq, Eq)]
pub enum MergeError {
    TooDeep,
    /// The stored document is not a JSON object: another program wrote it.
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

/// Merges documents. It reuses its memory.
#[derive(Debug, Default)]
pub struct Merger {
    /// Two scanners per level, for the old and the new document.
    scanners: Vec<(Scanner, Scanner)>,
    /// Whether the last merge changed a value.
    changed: bool,
}

impl Merger {
    /// Merges the JSON object `new` into `old` and appends the result to `out`.
    ///
    /// # Errors
    /// See [`MergeError`]. `out` then holds a part of the result.
    pub fn merge(&mut self, old: &str, new: &str, out: &mut String) -> Result<(), MergeError> {
        self.changed = false;
        self.level(old, new, out, 0)
    }

    /// Whether the last merge changed a value, as Elasticsearch tells values apart: it may have changed how one is written.
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    fn level(&mut self, old: &str, new: &str, out: &mut String, depth: usize) -> Result<(), MergeError> {
        if depth == MAX_DEPTH {
            return Err(MergeError::TooDeep);
        }
        if self.scanners.len() == depth {
            self.scanners.push(Default::default());
        }
        // Taken out while this level uses them. The levels below use others.
        let (mut old_scan, mut new_scan) = std::mem::take(&mut self.scanners[depth]);
        let done = match (old_scan.object(old.as_bytes()), new_scan.object(new.as_bytes())) {
            (Ok(end), Ok(_)) => {
                let old = Doc::new(old, old_scan.fields(), end);
                let new = Doc::new(new, new_scan.fields(), 0);
                self.fields(&old, &new, out, depth).map(|()| self.changed |= append_new(&old, &new, out))
            }
            _ => Err(MergeError::NotAnObject),
        };
        self.scanners[depth] = (old_scan, new_scan);
        done
    }

    /// Copies the old fields, each with its new value if there is one.
    fn fields(&mut self, old: &Doc<'_>, new: &Doc<'_>, out: &mut String, depth: usize) -> Result<(), MergeError> {
        let mut copied = 0;
        for (index, field) in old.fields.iter().enumerate() {
            let name = old.name(index);
            let Some(replacement) = new.find(&name) else { continue };
            // Of duplicate fields the last one counts, on both sides.
            if old.find(&name) != Some(index) {
                continue;
            }
            let value = field.value.range();
            out.push_str(&old.text[copied..value.start]);
            let (old_value, new_value) = (&old.text[value.clone()], new.fields[replacement].value.of(new.text));
            if JsonKind::of(old_value) == JsonKind::Object && JsonKind::of(new_value) == JsonKind::Object {
                self.level(old_value, new_value, out, depth + 1)?;
            } else {
                self.changed = self.changed || !same_parsed(old_value, new_value);
                out.push_str(new_value);
            }
            copied = value.end;
        }
        out.push_str(&old.text[copied..old.tail()]);
        Ok(())
    }
}

/// Appends the fields that only the new document has, and the end of the old one; returns whether there are any.
fn append_new(old: &Doc<'_>, new: &Doc<'_>, out: &mut String) -> bool {
    let mut empty = old.fields.is_empty();
    let mut any = false;
    for (index, field) in new.fields.iter().enumerate() {
        let name = new.name(index);
        if old.find(&name).is_none() && new.find(&name) == Some(index) {
            out.push_str(if empty { "" } else { "," });
            empty = false;
            any = true;
            out.push_str(&new.text[field.name.start as usize - 1..field.name.end as usize + 1]);
            out.push(':');
            out.push_str(field.value.of(new.text));
        }
    }
    out.push_str(&old.text[old.tail()..]);
    any
}

/// One of the two objects, with a lookup by name.
struct Doc<'a> {
    text: &'a str,
    fields: &'a [Field],
    /// One past the closing brace.
    end: usize,
    escaped: bool,
    /// The last index of each name, for objects with many fields.
    table: Option<HashMap<Cow<'a, str>, usize>>,
}

impl<'a> Doc<'a> {
    fn new(text: &'a str, fields: &'a [Field], end: usize) -> Doc<'a> {
        let escaped = fields.iter().any(|field| field.escaped);
        let mut side = Doc { text, fields, end, escaped, table: None };
        if fields.len() > MAX_LINEAR {
            side.table = Some((0..fields.len()).map(|index| (side.name(index), index)).collect());
        }
        side
    }

    /// The unescaped name of a field.
    fn name(&self, index: usize) -> Cow<'a, str> {
        let field = &self.fields[index];
        let written = field.name.of(self.text);
        // A name with an unpaired surrogate cannot be unescaped. It is compared as written.
        if field.escaped { unescape(written).unwrap_or(Cow::Borrowed(written)) } else { Cow::Borrowed(written) }
    }

    /// The index of the last field of that name.
    fn find(&self, name: &str) -> Option<usize> {
        match &self.table {
            Some(table) => table.get(name).copied(),
            None if self.escaped => (0..self.fields.len()).rev().find(|index| self.name(*index) == name),
            None => self.fields.iter().rposition(|field| field.name.of(self.text) == name),
        }
    }

    /// The offset after the last field.
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
    fn unchanged_bytes_are_kept() {
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
    fn empty_objects_are_merged() {
        assert_eq!(merged("{ }", r#"{"a":1}"#), r#"{ "a":1}"#);
        assert_eq!(merged(r#"{"a":1}"#, "{}"), r#"{"a":1}"#);
    }

    #[test]
    fn names_are_compared_unescaped_and_the_last_duplicate_counts() {
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
        fn merges_like_a_tree_of_values(old in object(), new in object()) {
            let mut expected = old.as_object().expect("object").clone();
            reference(&mut expected, new.as_object().expect("object"));
            let text = merged(&old.to_string(), &new.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), Value::Object(expected));
        }
    }
}
