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
    /// The index, in quotes, of actions that name none.
    index: String,
}

impl BulkLines {
    /// Lines for this index, unless they name one themselves.
    pub(super) fn new(index: Option<&str>) -> BulkLines {
        let mut quoted = String::new();
        quote_into(&mut quoted, index.unwrap_or_default());
        BulkLines { index: quoted }
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
            text.extend(["{\"", verb(action.op), "\":{\"_index\":"]);
            match action.collection {
                "" => text.push_str(&self.index),
                name => quote_into(text, name),
            }
            text.push_str(",\"_id\":");
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
