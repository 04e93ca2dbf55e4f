//! Writes requests of the bulk API: an action line and a source line for each action, a newline after every line
//! (contract of the bulk API, 1.4).

use super::Bulk;
use crate::action::{Action, Op};
use crate::batch::Encode;
use crate::sink::bulk_api::{push_action, push_upsert};
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, escaped, push_document};
use std::ops::Range;

/// What an answer needs to have. The status keeps the items in their places.
const FILTER: &str =
    "filter_path=took,errors,items.*._id,items.*.result,items.*.status,items.*.error,items.*.failure_store";
/// What the answer to bulk lines, and to a second try, needs too: where an item lies, and the version that tells an upsert
/// that declined.
const FILTER_OF_LINES: &str = ",items.*._index,items.*._version";

/// The bulk request for a group. The body has a known length, so it is never sent in chunks.
pub(super) fn bulk(bulk: &Bulk, group: Group<'_>, opaque: String) -> Call {
    Call {
        content_type: Some("application/x-ndjson"),
        body: group.text(),
        opaque: Some(opaque),
        // An item is some hundred bytes; one that failed quotes a part of its document and has causes.
        most: Some((16 << 20) + group.len() * (16 << 10)),
        ..Call::new(Method::POST, path(bulk, group.batch.has_lines() || group.each))
    }
}

fn path(bulk: &Bulk, names_indices: bool) -> String {
    let mut path = bulk.index.as_ref().map_or(String::new(), |index| format!("/{}", escaped(index)));
    path.push_str("/_bulk");
    let mut joint = '?';
    let filter = (!bulk.shows_all).then_some(FILTER);
    for parameter in bulk.query.iter().map(String::as_str).chain(filter) {
        path.push(joint);
        path.push_str(parameter);
        joint = '&';
    }
    if names_indices && filter.is_some() {
        path.push_str(FILTER_OF_LINES);
    }
    path
}

impl Encode for Bulk {
    fn is_by_lines(&self) -> bool {
        true
    }

    /// Writes the lines of one action.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        push_action(action, self.retry_on_conflict, text);
        text.push('\n');
        let doc = match action.op {
            Op::Delete => return text.len()..text.len(),
            Op::Upsert | Op::Update if !action.is_line => push_upsert(action, text),
            _ => push_document(action, text),
        };
        text.push('\n');
        doc
    }
}
