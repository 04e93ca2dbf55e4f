//! Writes requests: documents as lines for the import API, as an array for the document API, keys for a delete.

use super::Collection;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, escaped, push_document};

/// What is done when a key exists, as `onDuplicate` names it; `remove` for a delete.
pub(super) fn mode(op: Op) -> &'static str {
    match op {
        Op::Create => "error",
        Op::CreateOrIgnore => "ignore",
        Op::Index => "replace",
        Op::Upsert | Op::Update => "update",
        Op::Delete => "remove",
    }
}

/// The request that applies the actions, which are all of one kind.
pub(super) fn of(collection: &Collection, group: Group<'_>, opaque: String) -> Call {
    let op = group.key(0).1;
    let sync = if collection.wait_for_sync { "&waitForSync=true" } else { "" };
    let name = escaped(&collection.name);
    let mut body = Vec::with_capacity(group.size() + 16 * group.len());
    let (method, path) = match op {
        Op::Delete => {
            push_keys(group, &mut body);
            (Method::DELETE, format!("/_api/document/{name}?ignoreRevs=true{sync}"))
        }
        // Only what is there, where the modes of the other requests would also create.
        Op::Update => {
            push_array(group, &mut body);
            let about = "keepNull=true&mergeObjects=true&ignoreRevs=true";
            (Method::PATCH, format!("/_api/document/{name}?{about}{sync}"))
        }
        _ if collection.tells_each(group) => {
            push_array(group, &mut body);
            (Method::POST, format!("/_api/document/{name}?overwriteMode={}{sync}", overwrite_mode(op)))
        }
        _ => {
            for action in group.iter() {
                push(&action, &mut body);
                body.push(b'\n');
            }
            let about = format!("collection={name}&type=documents&onDuplicate={}&details=true", mode(op));
            (Method::POST, format!("/_api/import?{about}{sync}"))
        }
    };
    Call {
        opaque: Some(opaque),
        // An error quotes 255 bytes of its document, each of which may be escaped.
        most: (16 << 20) + group.len() * (4 << 10),
        ..Call::json(method, path, body)
    }
}

/// The documents as a JSON array.
pub(super) fn push_array(group: Group<'_>, body: &mut Vec<u8>) {
    let mut joint = b'[';
    for action in group.iter() {
        body.push(joint);
        push(&action, body);
        joint = b',';
    }
    body.push(b']');
}

/// The keys as a JSON array. They have no characters that JSON would escape.
fn push_keys(group: Group<'_>, body: &mut Vec<u8>) {
    let mut joint: &[u8] = b"[\"";
    for place in 0..group.len() {
        body.extend_from_slice(joint);
        body.extend_from_slice(group.key(place).0.as_bytes());
        body.push(b'"');
        joint = b",\"";
    }
    body.push(b']');
}

/// The mode of the document API. `ignore` would not say that it did nothing, so a document in the way is an error there too.
fn overwrite_mode(op: Op) -> &'static str {
    match op {
        Op::Index => "replace",
        Op::Upsert | Op::Update => "update",
        Op::Create | Op::CreateOrIgnore | Op::Delete => "conflict",
    }
}

/// Appends a document on one line, beginning with its key; one without a key gets it from the server.
fn push(action: &BatchAction<'_>, body: &mut Vec<u8>) {
    if action.key.is_empty() {
        return push_document(action, body);
    }
    body.extend_from_slice(b"{\"_key\":\"");
    body.extend_from_slice(action.key.as_bytes());
    body.push(b'"');
    let start = body.len();
    push_document(action, body);
    let is_empty = body[start + 1..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    if is_empty {
        body.remove(start);
    } else {
        // In the place of the opening bracket.
        body[start] = b',';
    }
}
