//! Builds requests: documents as lines for the import API, as an array for the document API, keys for a delete.

use super::Collection;
use crate::action::{Action, Op};
use crate::batch::Encode;
use crate::sink::http::{Method, Request};
use crate::sink::remote::{Group, escaped, push_document, push_fields};
use bytes::Bytes;
use std::ops::Range;

/// The value of `onDuplicate`: what to do if a key exists; `remove` for a delete.
pub(super) fn mode(op: Op) -> &'static str {
    match op {
        Op::Create => "error",
        Op::CreateOrIgnore => "ignore",
        Op::Index => "replace",
        Op::Upsert | Op::Update => "update",
        Op::Delete => "remove",
    }
}

/// The request that applies the actions, which have the same operation.
pub(super) fn of(collection: &Collection, group: Group<'_>, id: String) -> Request {
    let op = group.key(0).1;
    let sync = if collection.wait_for_sync { "&waitForSync=true" } else { "" };
    let name = escaped(&collection.name);
    let (method, path, body) = match op {
        Op::Delete => (Method::DELETE, format!("/_api/document/{name}?ignoreRevs=true{sync}"), array(group)),
        // Updates only existing documents; the modes of the other requests would also create.
        Op::Update => {
            let about = "keepNull=true&mergeObjects=true&ignoreRevs=true";
            (Method::PATCH, format!("/_api/document/{name}?{about}{sync}"), array(group))
        }
        _ if collection.answers_each(group) => {
            let path = format!("/_api/document/{name}?overwriteMode={}{sync}", overwrite_mode(op));
            (Method::POST, path, array(group))
        }
        _ => {
            let about = format!("collection={name}&type=documents&onDuplicate={}&details=true", mode(op));
            (Method::POST, format!("/_api/import?{about}{sync}"), group.text())
        }
    };
    Request {
        id: Some(id),
        // An error quotes up to 255 bytes of its document, and each may be escaped.
        max_response: Some((1 << 20) + group.len() * (2 << 10)),
        ..Request::json(method, path, body)
    }
}

/// The documents, or the keys of a delete, as a JSON array. The batch has one line for each.
pub(super) fn array(group: Group<'_>) -> Bytes {
    let mut body = Vec::with_capacity(group.size() + 1);
    let mut separator = b'[';
    for line in group.lines() {
        body.push(separator);
        body.extend_from_slice(line.trim_end_matches('\n').as_bytes());
        separator = b',';
    }
    body.push(b']');
    body.into()
}

/// The mode of the document API. `ignore` would not report an existing document, so `conflict` is used instead.
fn overwrite_mode(op: Op) -> &'static str {
    match op {
        Op::Index => "replace",
        Op::Upsert | Op::Update => "update",
        Op::Create | Op::CreateOrIgnore | Op::Delete => "conflict",
    }
}

impl Encode for Collection {
    fn is_by_lines(&self) -> bool {
        true
    }

    /// Writes the document on one line that begins with its key, if it has one. For a delete, writes the key alone, which has
    /// no characters that JSON would escape.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        let (key, start) = (action.key_text(), text.len());
        if action.op == Op::Delete {
            text.extend(["\"", key, "\"\n"]);
            return text.len()..text.len();
        }
        if key.is_empty() {
            push_document(action, text);
        } else {
            text.push_str("{\"_key\":\"");
            text.push_str(key);
            text.push_str("\",");
            let own = push_fields(action, text);
            // An empty document needs no comma.
            if text.as_bytes()[own.clone()].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}') {
                text.remove(own.start - 1);
            }
        }
        text.push('\n');
        start..text.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionKey;
    use crate::json::Span;

    #[test]
    fn documents_are_lines_that_begin_with_their_keys() {
        for (op, key, doc, cut, line, document) in [
            (Op::Create, "k", "{}", [0, 0], "{\"_key\":\"k\"}\n", "{\"_key\":\"k\"}"),
            (Op::Create, "k", "{ }", [0, 0], "{\"_key\":\"k\" }\n", "{\"_key\":\"k\" }"),
            (Op::Index, "k", "{\"_key\":\"k\"}", [1, 11], "{\"_key\":\"k\"}\n", "{\"_key\":\"k\"}"),
            (Op::Index, "k", "{\"a\": 1}", [0, 0], "{\"_key\":\"k\",\"a\": 1}\n", "{\"_key\":\"k\",\"a\": 1}"),
            (
                Op::Upsert,
                "k",
                "{\"_id\":1, \"a\":1}",
                [1, 9],
                "{\"_key\":\"k\", \"a\":1}\n",
                "{\"_key\":\"k\", \"a\":1}",
            ),
            (Op::Create, "", "{\"a\":1}", [0, 0], "{\"a\":1}\n", "{\"a\":1}"),
            (Op::Delete, "k", "", [0, 0], "\"k\"\n", ""),
        ] {
            let cut = [Span { start: cut[0], end: cut[1] }, Span::default()];
            let action = Action { cut, ..Action::plain(op, ActionKey::Text(key), doc) };
            let mut text = "before\n".to_owned();
            let range = Collection::default().write(&action, &mut text);
            assert_eq!((&text[7..], &text[range]), (line, document));
        }
    }
}
