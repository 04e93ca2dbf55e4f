//! Watches records for what is no error, but what a person would want to know at the end.

use crate::action::by_path;
use crate::json::{JsonKind, Scanner};
use crate::notes::Notes;
use crate::record::Record;

/// Maximum depth of a wrapped array: `hits.hits` has 2.
const MAX_DEPTH: usize = 3;

/// What was seen so far.
pub(super) struct Watch {
    /// Fields that must be unique, and how many records have no value in each.
    unique: Vec<(String, u64)>,
    /// Whether the next records are read from JSON, so that `--records` can reach into them.
    is_json: bool,
    /// The path of an array of objects in the first record.
    wrapped: Option<String>,
    scanner: Scanner,
}

impl Watch {
    pub(super) fn new(unique: &[String]) -> Watch {
        // ArangoDB also has names such as `tags[*]`.
        let unique = unique.iter().filter(|field| !field.contains('[')).map(|field| (field.clone(), 0)).collect();
        Watch { unique, is_json: false, wrapped: None, scanner: Scanner::default() }
    }

    /// Sets whether the next records are read from JSON.
    pub(super) fn expect_json(&mut self, is_json: bool) {
        self.is_json = is_json;
    }

    /// Looks at the first record of the run, as it was read.
    pub(super) fn first(&mut self, record: &Record<'_>) {
        if self.is_json {
            self.wrapped = array_in(record.text, MAX_DEPTH);
        }
    }

    /// Looks at a record as it is stored.
    #[inline]
    pub(super) fn see(&mut self, record: &Record<'_>) {
        for (field, lacking) in &mut self.unique {
            let value = by_path(record.text, record.fields, field, &mut self.scanner);
            let has_value = value.is_ok_and(|value| value.of(record.text) != "null");
            *lacking += u64::from(!has_value);
        }
    }

    /// The notes about all records, of which there were `read`.
    pub(super) fn notes(self, read: u64, notes: &mut Notes) {
        if let Some(path) = self.wrapped.filter(|_| read == 1) {
            let text = format!(
                "the only record has an array of objects, {path:?}: --records {path} is for records that are its elements"
            );
            notes.add("wrapped_array", 1, text);
        }
        for (field, lacking) in self.unique {
            let text =
                format!("{{count}} record{{s}} without a value in {field:?} (--unique): missing values do not collide");
            notes.add("missing_unique", lacking, text);
        }
    }
}

/// The path of the first array of objects in an object.
fn array_in(object: &str, depth: usize) -> Option<String> {
    let mut scanner = Scanner::default();
    scanner.object(object.as_bytes()).ok()?;
    scanner.fields().iter().find_map(|field| {
        let (name, value) = (field.name.of(object), field.value.of(object));
        match JsonKind::of(value) {
            JsonKind::Array => value[1..].trim_start().starts_with('{').then(|| name.to_owned()),
            JsonKind::Object if depth > 1 => array_in(value, depth - 1).map(|path| format!("{name}.{path}")),
            _ => None,
        }
    })
}
