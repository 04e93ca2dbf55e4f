//! Encodes an action as a document, or as an action line and its source.

use crate::action::{Action, Op};
use crate::batch::Encode;
use crate::json::quote_into;
use crate::sink::bulk_api::{push_upsert, verb};
use crate::sink::remote::{push_document, push_fields, push_key};
use std::ops::Range;

/// Documents, one per line. The metadata of an action is the `_key` that its document lacks.
pub(super) struct DocumentLines;

impl Encode for DocumentLines {
    fn is_by_lines(&self) -> bool {
        true
    }

    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        let start = text.len();
        if action.meta.is_empty() {
            push_document(action, text);
        } else {
            let is_empty = action.doc[1..].trim_ascii_start().starts_with('}');
            text.extend(["{", action.meta, if is_empty { "" } else { "," }]);
            push_fields(action, text);
        }
        let end = text.len();
        text.push('\n');
        start..end
    }
}

/// Bulk lines, each naming its index and its key.
pub(super) struct BulkLines {
    /// The text between the name of an action and its key.
    middle: String,
}

impl BulkLines {
    /// Lines for this index, unless they name one themselves.
    pub(super) fn new(index: Option<&str>) -> BulkLines {
        let mut middle = "\":{\"_index\":".to_owned();
        quote_into(&mut middle, index.unwrap_or_default());
        middle.push_str(",\"_id\":");
        BulkLines { middle }
    }
}

impl Encode for BulkLines {
    fn is_by_lines(&self) -> bool {
        true
    }

    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        if action.is_line {
            text.push_str(action.meta);
        } else {
            text.extend(["{\"", verb(action.op), &self.middle]);
            push_key(action, text);
            text.push_str("}}");
        }
        text.push('\n');
        let source = match action.op {
            Op::Delete => return text.len()..text.len(),
            Op::Upsert if !action.is_line => push_upsert(action, text),
            _ => push_document(action, text),
        };
        text.push('\n');
        source
    }
}
