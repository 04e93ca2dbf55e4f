//! Writes the JSON object for a row into a buffer that is reused for the next row.
//! Names are quoted once, when the header is read. Fields are recorded as they are written, so nothing is scanned again.

use crate::input::window::{LONG, capacity_for};
use crate::json::{Field, Span, escaped_length, needs_no_escape, quote_into};
use crate::record::Reason;

/// Maximum length of an object in bytes: what `Span` and the rest of the program can hold.
const MAX_LENGTH: usize = 1 << 30;

/// The name of a column, quoted and ready to be written.
#[derive(Clone, Debug)]
pub(in crate::input) struct ColumnName {
    /// `{"name":`, for the first field of an object.
    first: String,
    /// `,"name":`, for a later field.
    later: String,
    escaped: bool,
}

impl ColumnName {
    pub(in crate::input) fn new(name: &str) -> ColumnName {
        let mut text = String::new();
        quote_into(&mut text, name);
        ColumnName::from_json(&text)
    }

    /// Takes a name as written in valid JSON, with its quotes.
    pub(in crate::input) fn from_json(quoted: &str) -> ColumnName {
        let (first, later) = (format!("{{{quoted}:"), format!(",{quoted}:"));
        ColumnName { first, later, escaped: quoted.contains('\\') }
    }
}

/// The object of one row.
#[derive(Debug, Default)]
pub(in crate::input) struct Object {
    text: String,
    fields: Vec<Field>,
    is_too_long: bool,
}

impl Object {
    /// Frees the memory of a long row.
    pub(in crate::input) fn shrink(&mut self) {
        if self.text.capacity() > LONG {
            self.text = String::new();
        }
    }

    pub(in crate::input) fn begin(&mut self) {
        self.fields.clear();
        self.text.clear();
        self.is_too_long = false;
    }

    /// Adds a field whose value is valid JSON.
    pub(in crate::input) fn push(&mut self, name: &ColumnName, value: &str) {
        self.push_with(name, value.len(), false, |out| out.push_str(value));
    }

    /// Adds a field whose value is a string with this text.
    pub(in crate::input) fn push_text(&mut self, name: &ColumnName, text: &str) {
        if needs_no_escape(text) {
            self.push_with(name, text.len() + 2, true, |out| {
                out.push('"');
                out.push_str(text);
                out.push('"');
            });
        } else {
            self.push_with(name, escaped_length(text) + 2, false, |out| quote_into(out, text));
        }
    }

    /// Adds a field with a value of this length; for `is_simple` see `Field`.
    #[inline(always)]
    fn push_with(&mut self, name: &ColumnName, length: usize, is_simple: bool, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        let name_text = if self.fields.is_empty() { &name.first } else { &name.later };
        let needed = start + name_text.len() + length + 1;
        if needed > self.text.capacity() {
            if needed > MAX_LENGTH {
                self.is_too_long = true;
                return;
            }
            self.text.reserve_exact(capacity_for(needed) - start);
        }
        self.text.push_str(name_text);
        let value = self.text.len();
        write(&mut self.text);
        self.fields.push(Field {
            name: Span::new(start + 2, value - 2),
            value: Span::new(value, self.text.len()),
            escaped: name.escaped,
            is_simple,
        });
    }

    /// Ends the object.
    pub(in crate::input) fn end(&mut self) -> Result<(), Reason> {
        self.text.push_str(if self.fields.is_empty() { "{}" } else { "}" });
        if self.is_too_long {
            return Err(Reason::new("record_too_long", "as a JSON object it is longer than 1 GiB"));
        }
        Ok(())
    }

    /// The object, after `end`.
    pub(in crate::input) fn text(&self) -> &str {
        &self.text
    }

    pub(in crate::input) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> (String, String) {
        let mut object = Object::default();
        object.begin();
        object.push_text(&ColumnName::new("a\""), text);
        object.end().expect("short");
        let field = object.fields()[0];
        let all = object.text().to_owned();
        assert_eq!((field.name.of(&all), field.escaped), ("a\\\"", true));
        let value = field.value.of(&all).to_owned();
        (all, value)
    }

    #[test]
    fn only_what_must_be_escaped_is_escaped() {
        assert_eq!(written("a/é\u{7f}\"\\\n\u{1}").0, "{\"a\\\"\":\"a/é\u{7f}\\\"\\\\\\n\\u0001\"}");
        for count in [1, 7, 8, 9, 1000] {
            assert_eq!(written(&"\u{1}".repeat(count)).1, format!("\"{}\"", "\\u0001".repeat(count)));
        }
    }

    #[test]
    fn an_object_without_fields_is_empty() {
        let mut object = Object::default();
        object.begin();
        object.end().expect("short");
        assert_eq!(object.text(), "{}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn texts_are_escaped_as_by_quote_into(text in "[a-cé\"\\\\\n\u{1}]{0,40}|[a-d]{0,40}") {
            let mut expected = String::new();
            quote_into(&mut expected, &text);
            prop_assert_eq!(written(&text).1, expected);
        }
    }
}
