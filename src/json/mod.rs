//! JSON text, without a tree of values.
//! Documents pass through the program unchanged. The scanner checks one object against RFC 8259 and records the ranges of
//! its fields; the rest of the module reads, writes and replaces these ranges.

mod double;
mod merge;
mod same;
mod scalar;
mod scan;
mod text;
mod tokens;

pub(crate) use double::{first_changed_by_double, holds_as_double, same_number};
pub(crate) use merge::{MergeError, Merger};
pub(crate) use same::same_parsed;
pub use same::same_value;
pub(crate) use scalar::{ScanError, is_number, string_end};
pub(crate) use scan::{Field, NameBits, Scanner, Span};
pub(crate) use text::{escaped_length, needs_no_escape, quote_into, same_name, unescape, unquoted};
pub(crate) use tokens::{Token, Tokens, duplicate_name, levels, repeated_name};

/// The kind of a JSON value, known from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `-1.5e3`
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

impl JsonKind {
    /// The kind of a value that the scanner has accepted.
    pub fn of(value: &str) -> JsonKind {
        match value.as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Boolean,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        }
    }

    /// Its name with an article, for messages.
    pub fn name(self) -> &'static str {
        match self {
            JsonKind::Object => "an object",
            JsonKind::Array => "an array",
            JsonKind::String => "a string",
            JsonKind::Number => "a number",
            JsonKind::Boolean => "a boolean",
            JsonKind::Null => "null",
        }
    }
}
