//! The lines of the bulk API: an action line with metadata, and the source line after it (contract of the bulk API, 1.4).
//! Each target puts them together in its own way.

use crate::action::{Action, Op};
use crate::batch::BatchAction;
use crate::json::{Field, JsonKind, Scanner, quote_into, same_name};
use crate::record::Command;
use crate::sink::remote::{Group, push_document, push_key};
use std::ops::Range;

/// Appends an action line, without its end.
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

/// The name of an operation in the bulk API.
pub(in crate::sink) fn verb(op: Op) -> &'static str {
    op.verb()
}

/// Writes an action line again with more metadata: pairs of a name and a text. The rest is copied byte for byte.
pub(in crate::sink) fn write_line(command: &Command, added: &[(&str, &str)], out: &mut String) {
    out.clear();
    out.extend(["{\"", verb(command.op), "\":"]);
    let meta = &command.meta;
    if added.is_empty() {
        out.extend([meta, "}"]);
        return;
    }
    for (index, (name, text)) in added.iter().enumerate() {
        out.extend([if index == 0 { "{\"" } else { ",\"" }, name, "\":"]);
        quote_into(out, text);
    }
    let is_added = |field: &Field| added.iter().any(|(name, _)| same_name(field.name.of(meta), field.escaped, name));
    if !command.fields.is_empty() && !command.fields.iter().any(is_added) {
        out.extend([",", &meta[1..], "}"]);
        return;
    }
    // A field that is added replaces a null.
    for field in command.fields.iter().filter(|field| !is_added(field)) {
        out.push(',');
        out.push_str(&meta[field.name.start as usize - 1..field.value.end as usize]);
    }
    out.push_str("}}");
}

/// Appends the source of an update that inserts its document if there is none. Returns where the document is in the text.
pub(in crate::sink) fn push_upsert(action: &Action<'_>, text: &mut String) -> Range<usize> {
    text.push_str("{\"doc\":");
    let doc = push_document(action, text);
    text.push_str(",\"doc_as_upsert\":true}");
    doc
}

/// Whether an action that is applied twice leaves what it leaves when it is applied once.
pub(in crate::sink) fn is_idempotent(action: &BatchAction<'_>) -> bool {
    action.op != Op::Update || is_plain_doc(action.doc)
}

/// Whether a sequence of such actions on one key can be repeated as a whole.
pub(in crate::sink) fn is_idempotent_in_sequence(action: &BatchAction<'_>) -> bool {
    let plain = match action.op {
        Op::Index | Op::Delete | Op::Upsert => true,
        Op::Update => is_doc_as_upsert(action.doc),
        Op::Create | Op::CreateOrIgnore => false,
    };
    plain && !is_conditional(action)
}

/// Whether a bulk line has a condition on what is stored.
pub(in crate::sink) fn is_conditional(action: &BatchAction<'_>) -> bool {
    action.is_line && has_any(action.head, &CONDITIONS)
}

/// Whether an update's payload can be applied twice: a `doc`, with no script and no other document to insert.
fn is_plain_doc(payload: &str) -> bool {
    is_doc_as_upsert(payload) || (has(payload, "doc") && !has(payload, "upsert") && !has(payload, "script"))
}

/// Whether an update's payload is a document to merge or to insert.
fn is_doc_as_upsert(payload: &str) -> bool {
    field(payload, "doc_as_upsert").is_some_and(|value| value == "true")
        && has(payload, "doc")
        && !has(payload, "script")
}

/// Fields of an action's head that are a condition on what is stored.
const CONDITIONS: [&str; 4] = ["if_seq_no", "if_primary_term", "version", "version_type"];

/// Whether an action's head has a routing.
pub(in crate::sink) fn has_routing(head: &str) -> bool {
    has_any(head, &["routing", "_routing"])
}

/// Whether an action's head has one of these fields.
pub(in crate::sink) fn has_any(head: &str, fields: &[&str]) -> bool {
    metadata(head).is_some_and(|meta| fields.iter().any(|name| has(meta, name)))
}

/// The metadata in an action's head, which begins with the action line.
pub(in crate::sink) fn metadata(head: &str) -> Option<&str> {
    let mut scanner = Scanner::default();
    scanner.object(head.as_bytes()).ok()?;
    scanner.fields().first().map(|field| field.value.of(head))
}

fn has(object: &str, name: &str) -> bool {
    field(object, name).is_some_and(|value| value != "null")
}

/// The value of a field of an object, as it is written.
pub(in crate::sink) fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut scanner = Scanner::default();
    scanner.object(object.as_bytes()).ok()?;
    let found = scanner.fields().iter().find(|field| same_name(field.name.of(object), field.escaped, name))?;
    Some(found.value.of(object))
}

/// The unescaped text of a string, a number or a boolean.
pub(in crate::sink) fn plain_text(value: &str) -> Option<String> {
    match JsonKind::of(value) {
        JsonKind::String => crate::json::unescape(&value[1..value.len() - 1]).map(std::borrow::Cow::into_owned),
        JsonKind::Number | JsonKind::Boolean => Some(value.to_owned()),
        _ => None,
    }
}

/// The index of the action whose line the server names: `Malformed action/metadata line [3]`. Lines are counted from 1,
/// source lines too.
pub(in crate::sink) fn culprit(group: Group<'_>, reason: &str) -> Option<usize> {
    let (_, rest) = reason.split_once("line [")?;
    let line: usize = rest.split_once(']')?.0.parse().ok()?;
    let mut next = 1;
    (0..group.len()).position(|index| {
        next += if group.key(index).1 == Op::Delete { 1 } else { 2 };
        line < next
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionKey;

    #[test]
    fn an_update_is_idempotent_if_it_only_merges_a_document() {
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

    fn has_condition(head: &str) -> bool {
        has_any(head, &CONDITIONS)
    }

    #[test]
    fn conditions_and_routings_are_found_in_the_head() {
        let action = Action::plain(Op::Upsert, ActionKey::Text("routing"), "{\"version\":1}");
        for (meta, is_routed) in [("", false), ("\"routing\":\"a\"", true)] {
            let mut head = String::new();
            push_action(&Action { meta, ..action }, None, &mut head);
            assert_eq!((has_routing(&head), has_any(&head, &CONDITIONS)), (is_routed, false), "{head}");
        }
        assert!(has_condition(r#"{"index":{"_id":"1","if_seq_no":1,"if_primary_term":1}}"#));
        assert!(has_condition(r#"{"index":{"version":3,"version_type":"external"}}"#));
        assert!(!has_condition(r#"{"index":{"_id":"version","routing":"if_seq_no"}}"#));
    }
}
