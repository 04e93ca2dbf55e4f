//! Writes requests of the bulk API: an action line and a source line for each action, a newline after every line
//! (contract of the bulk API, 1.4).

use super::Bulk;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{Kind, Scanner, needs_no_escape, same_name};
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, escaped, push_document, push_line};

/// What an answer needs to have. The status keeps the items in their places.
const FILTER: &str =
    "filter_path=took,errors,items.*._id,items.*.result,items.*.status,items.*.error,items.*.failure_store";
/// What the answer to bulk lines needs too: where an item lies, and the version that tells an upsert that declined.
const FILTER_OF_LINES: &str = ",items.*._index,items.*._version";

/// The bulk request for a group. The body has a known length, so it is never sent in chunks.
pub(super) fn bulk(bulk: &Bulk, group: Group<'_>, opaque: String) -> Call {
    let mut body = Vec::with_capacity(group.size() + 32 * group.len());
    let mut has_lines = false;
    for action in group.iter() {
        has_lines |= action.is_line;
        write(bulk, &action, &mut body);
    }
    Call {
        content_type: Some("application/x-ndjson"),
        body,
        opaque: Some(opaque),
        // An item is some hundred bytes; one that failed quotes a part of its document and has causes.
        most: (16 << 20) + group.len() * (16 << 10),
        ..Call::new(Method::POST, path(bulk, has_lines))
    }
}

fn path(bulk: &Bulk, has_lines: bool) -> String {
    let mut path = bulk.index.as_ref().map_or(String::new(), |index| format!("/{}", escaped(index)));
    path.push_str("/_bulk");
    let mut joint = '?';
    let filter = (!bulk.shows_all).then_some(FILTER);
    for parameter in bulk.query.iter().map(String::as_str).chain(filter) {
        path.push(joint);
        path.push_str(parameter);
        joint = '&';
    }
    if has_lines && filter.is_some() {
        path.push_str(FILTER_OF_LINES);
    }
    path
}

/// Writes the lines of one action.
fn write(bulk: &Bulk, action: &BatchAction<'_>, body: &mut Vec<u8>) {
    if action.is_line {
        push_line(action.meta, body);
        body.push(b'\n');
        if action.op != Op::Delete {
            push_line(action.doc, body);
            body.push(b'\n');
        }
        return;
    }
    let verb: &[u8] = match action.op {
        Op::Create | Op::CreateOrIgnore => b"{\"create\":{\"_id\":",
        Op::Index => b"{\"index\":{\"_id\":",
        Op::Upsert | Op::Update => b"{\"update\":{\"_id\":",
        Op::Delete => b"{\"delete\":{\"_id\":",
    };
    body.extend_from_slice(verb);
    push_quoted(action.key, body);
    if !action.meta.is_empty() {
        body.push(b',');
        body.extend_from_slice(action.meta.as_bytes());
    }
    if let (Some(times), Op::Upsert) = (bulk.retry_on_conflict, action.op) {
        body.extend_from_slice(format!(",\"retry_on_conflict\":{times}").as_bytes());
    }
    body.extend_from_slice(b"}}\n");
    match action.op {
        Op::Delete => {}
        Op::Upsert | Op::Update => {
            body.extend_from_slice(b"{\"doc\":");
            push_document(action, body);
            body.extend_from_slice(b",\"doc_as_upsert\":true}\n");
        }
        _ => {
            push_document(action, body);
            body.push(b'\n');
        }
    }
}

pub(in crate::sink) fn push_quoted(text: &str, body: &mut Vec<u8>) {
    if needs_no_escape(text) {
        body.push(b'"');
        body.extend_from_slice(text.as_bytes());
        body.push(b'"');
    } else {
        let mut quoted = String::with_capacity(text.len() + 8);
        crate::json::quote_into(&mut quoted, text);
        body.extend_from_slice(quoted.as_bytes());
    }
}

/// Whether an update's payload can be applied twice: a `doc`, with no script and no other document to insert.
pub(in crate::sink) fn is_plain_doc(payload: &str) -> bool {
    is_doc_as_upsert(payload) || (has(payload, "doc") && !has(payload, "upsert") && !has(payload, "script"))
}

/// Whether an update's payload is a document to merge or to insert.
pub(in crate::sink) fn is_doc_as_upsert(payload: &str) -> bool {
    member(payload, "doc_as_upsert").is_some_and(|value| value == "true")
        && has(payload, "doc")
        && !has(payload, "script")
}

/// Whether an action line has a condition on what is stored.
pub(in crate::sink) fn has_condition(line: &str) -> bool {
    let Some(meta) = metadata(line) else { return false };
    let by_number = has(meta, "if_seq_no") || has(meta, "if_primary_term");
    by_number || has(meta, "version") || has(meta, "version_type")
}

/// The metadata of an action line.
pub(super) fn metadata(line: &str) -> Option<&str> {
    let mut scanner = Scanner::default();
    scanner.object(line.as_bytes()).ok()?;
    scanner.members().first().map(|member| member.value.of(line))
}

fn has(object: &str, name: &str) -> bool {
    member(object, name).is_some_and(|value| value != "null")
}

/// The value of an object's member, as it is written.
pub(super) fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut scanner = Scanner::default();
    scanner.object(object.as_bytes()).ok()?;
    let found = scanner.members().iter().find(|member| same_name(member.name.of(object), member.escaped, name))?;
    Some(found.value.of(object))
}

/// The unescaped text of a plain value.
pub(super) fn plain(value: &str) -> Option<String> {
    match Kind::of(value) {
        Kind::String => crate::json::unescape(&value[1..value.len() - 1]).map(std::borrow::Cow::into_owned),
        Kind::Number | Kind::Boolean => Some(value.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_repeatable_when_it_only_merges_a_document() {
        for (payload, plain, as_upsert) in [
            (r#"{"doc":{"a":1}}"#, true, false),
            (r#"{"doc":{"a":1},"doc_as_upsert":true}"#, true, true),
            (r#"{"doc":{"a":1},"doc_as_upsert":false}"#, true, false),
            (r#"{"doc":{"a":1},"upsert":{"b":1}}"#, false, false),
            (r#"{"doc":{"a":1},"upsert":{"b":1},"doc_as_upsert":true}"#, true, true),
            (r#"{"script":"ctx._source.n++"}"#, false, false),
            (r#"{"script":{"source":"x"},"upsert":{}}"#, false, false),
            (r#"{"script":null,"doc":{}}"#, true, false),
            ("{}", false, false),
        ] {
            assert_eq!((is_plain_doc(payload), is_doc_as_upsert(payload)), (plain, as_upsert), "{payload}");
        }
    }

    #[test]
    fn conditions_are_seen_in_the_action_line() {
        assert!(has_condition(r#"{"index":{"_id":"1","if_seq_no":1,"if_primary_term":1}}"#));
        assert!(has_condition(r#"{"index":{"version":3,"version_type":"external"}}"#));
        assert!(!has_condition(r#"{"index":{"_id":"version","routing":"if_seq_no"}}"#));
    }
}
