//! Writes requests of the bulk API: an action line and a source line for each action, a newline after every line
//! (contract of the bulk API, 1.4).

use super::Bulk;
use crate::action::{Action, Op};
use crate::batch::Encode;
use crate::json::{Kind, Scanner, same_name};
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, escaped, push_document, push_key};
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
        most: (16 << 20) + group.len() * (16 << 10),
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

/// Appends an action line, without what ends it.
#[inline(always)]
pub(in crate::sink) fn push_action(action: &Action<'_>, retry_on_conflict: Option<u32>, text: &mut String) {
    if action.is_line {
        return text.push_str(action.meta);
    }
    text.push_str(match action.op {
        Op::Create | Op::CreateOrIgnore => "{\"create\":{\"_id\":",
        Op::Index => "{\"index\":{\"_id\":",
        Op::Upsert | Op::Update => "{\"update\":{\"_id\":",
        Op::Delete => "{\"delete\":{\"_id\":",
    });
    push_key(action, text);
    if !action.meta.is_empty() {
        text.push(',');
        text.push_str(action.meta);
    }
    if let (Some(times), Op::Upsert) = (retry_on_conflict, action.op) {
        text.push_str(&format!(",\"retry_on_conflict\":{times}"));
    }
    text.push_str("}}");
}

/// Appends the source of an update that stores its document where there is none, and says where that lies.
pub(in crate::sink) fn push_upsert(action: &Action<'_>, text: &mut String) -> Range<usize> {
    text.push_str("{\"doc\":");
    let doc = push_document(action, text);
    text.push_str(",\"doc_as_upsert\":true}");
    doc
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

/// Whether an action's head has a condition on what is stored.
pub(in crate::sink) fn has_condition(head: &str) -> bool {
    names(head, &["if_seq_no", "if_primary_term", "version", "version_type"])
}

/// Whether an action's head has a routing.
pub(in crate::sink) fn has_routing(head: &str) -> bool {
    names(head, &["routing", "_routing"])
}

/// Whether an action's head has one of these members.
pub(in crate::sink) fn names(head: &str, members: &[&str]) -> bool {
    metadata(head).is_some_and(|meta| members.iter().any(|name| has(meta, name)))
}

/// The metadata in an action's head, which begins with the action line.
pub(super) fn metadata(head: &str) -> Option<&str> {
    let mut scanner = Scanner::default();
    scanner.object(head.as_bytes()).ok()?;
    scanner.members().first().map(|member| member.value.of(head))
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
    use crate::action::Key;

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
    fn conditions_and_routings_are_seen_in_the_head() {
        let action = Action::plain(Op::Upsert, Key::Text("routing"), "{\"version\":1}");
        for (meta, is_routed) in [("", false), ("\"routing\":\"a\"", true)] {
            let mut text = String::new();
            let doc = Bulk::default().write(&Action { meta, ..action }, &mut text);
            assert_eq!(
                (has_routing(&text[..doc.start]), has_condition(&text[..doc.start])),
                (is_routed, false),
                "{text}"
            );
        }
        assert!(has_condition(r#"{"index":{"_id":"1","if_seq_no":1,"if_primary_term":1}}"#));
        assert!(has_condition(r#"{"index":{"version":3,"version_type":"external"}}"#));
        assert!(!has_condition(r#"{"index":{"_id":"version","routing":"if_seq_no"}}"#));
    }
}
