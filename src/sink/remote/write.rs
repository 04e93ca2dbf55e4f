//! What the encoders of all targets share: they write documents without the fields that became metadata, keys, and names.

use crate::action::{Action, ActionKey};
use crate::json::{needs_no_escape, quote_into};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;

/// The bytes that are escaped in a path or a query: all but unreserved characters (RFC 3986, 2.3).
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes a name for a path or a query.
pub fn escaped(name: &str) -> String {
    utf8_percent_encode(name, &RESERVED).to_string()
}

/// Appends a record's document without the fields that became metadata. Returns where it is in the text.
pub fn push_document(action: &Action<'_>, text: &mut String) -> Range<usize> {
    push_from(0, action, text)
}

/// Appends the same without the opening bracket.
pub fn push_fields(action: &Action<'_>, text: &mut String) -> Range<usize> {
    push_from(1, action, text)
}

#[inline(always)]
fn push_from(mut from: usize, action: &Action<'_>, text: &mut String) -> Range<usize> {
    let start = text.len();
    for cut in action.cut.iter().filter(|cut| cut.end > cut.start) {
        text.push_str(&action.doc[from..cut.start as usize]);
        from = cut.end as usize;
    }
    text.push_str(&action.doc[from..]);
    start..text.len()
}

/// Appends an action's key as a JSON string.
#[inline(always)]
pub fn push_key(action: &Action<'_>, text: &mut String) {
    let (key, is_plain) = match action.key {
        // The content of a JSON string, or a number.
        ActionKey::InDoc(span) => (span.of(action.doc), true),
        ActionKey::Text(key) => (key, needs_no_escape(key)),
    };
    if is_plain {
        text.push('"');
        text.push_str(key);
        text.push('"');
    } else {
        quote_into(text, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Op;
    use crate::json::Span;

    #[test]
    fn names_are_escaped_for_paths() {
        assert_eq!(escaped("<logs-{now/d}>"), "%3Clogs-%7Bnow%2Fd%7D%3E");
        assert_eq!(escaped("products-1.0_a~"), "products-1.0_a~");
    }

    #[test]
    fn documents_are_written_without_the_cut_fields() {
        let doc = "{\"_key\":\"a\", \"x\":1 ,\"_id\":2}";
        let cut = [Span::new(1, 12), Span::new(19, 27)];
        let action = Action { cut, ..Action::plain(Op::Index, ActionKey::Text("a"), doc) };
        let mut text = "before\n".to_owned();
        let range = push_document(&action, &mut text);
        assert_eq!((&text[..7], &text[range]), ("before\n", "{ \"x\":1 }"));
        let range = push_fields(&action, &mut text);
        assert_eq!(&text[range], " \"x\":1 }");
    }
}
