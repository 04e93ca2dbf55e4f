//! Writes requests of `bulk:import`: one JSON object with one array, an action and its source in turn (contract of Kuzzle,
//! 1.4). Documents are copied byte for byte; only one that Kuzzle would take for an action has its members put in another
//! order.

use super::Import;
use crate::action::Op;
use crate::action::kuzzle::is_action;
use crate::batch::BatchAction;
use crate::json::{Member, Scanner, unescape};
use crate::sink::elasticsearch::request::push_quoted;
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, push_document};

/// The request for a group.
pub(super) fn import(import: &Import, group: Group<'_>, opaque: String) -> Call {
    let mut body = Vec::with_capacity(group.size() + 48 * group.len() + 16);
    body.extend_from_slice(b"{\"bulkData\":[");
    for (nth, action) in group.iter().enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        write(import, &action, &mut body);
    }
    body.extend_from_slice(b"]}");
    let query = if import.waits_for_refresh { "?refresh=wait_for" } else { "" };
    // What failed comes back whole, written anew.
    let most = (16 << 20) + 3 * body.len() + group.len() * (4 << 10);
    let path = import.path(&format!("/_bulk{query}"));
    Call { opaque: Some(opaque), most, ..Call::json(Method::POST, path, body) }
}

fn write(import: &Import, action: &BatchAction<'_>, body: &mut Vec<u8>) {
    if action.is_line {
        body.extend_from_slice(action.meta.as_bytes());
    } else {
        body.extend_from_slice(match action.op {
            Op::Create | Op::CreateOrIgnore => b"{\"create\":{\"_id\":",
            Op::Index => b"{\"index\":{\"_id\":",
            Op::Upsert | Op::Update => b"{\"update\":{\"_id\":",
            Op::Delete => b"{\"delete\":{\"_id\":",
        });
        push_quoted(action.key, body);
        if let (Some(times), Op::Upsert) = (import.retry_on_conflict, action.op) {
            body.extend_from_slice(format!(",\"retry_on_conflict\":{times}").as_bytes());
        }
        body.extend_from_slice(b"}}");
    }
    match action.op {
        Op::Delete => return,
        _ => body.push(b','),
    }
    match action.op {
        Op::Update => body.extend_from_slice(action.doc.as_bytes()),
        Op::Upsert => {
            body.extend_from_slice(b"{\"doc\":");
            push_document(action, body);
            body.extend_from_slice(b",\"doc_as_upsert\":true}");
        }
        _ => {
            let start = body.len();
            push_document(action, body);
            if may_be_action(&body[start..]) {
                let document = std::str::from_utf8(&body[start..]).ok().and_then(no_action);
                if let Some(document) = document {
                    body.truncate(start);
                    body.extend_from_slice(document.as_bytes());
                }
            }
        }
    }
}

/// Whether the first member can be called like an action, told by the first byte of its name.
fn may_be_action(document: &[u8]) -> bool {
    let mut rest = document.iter().skip(1).skip_while(|byte| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n'));
    rest.next() == Some(&b'"') && matches!(rest.next(), Some(b'i' | b'c' | b'u' | b'd' | b'\\'))
}

/// The document with the members that it begins with and that are called like actions at its end; `None` if it begins with
/// another one. Of a name that stands twice Kuzzle keeps the last, so a member that comes again is not moved behind that.
fn no_action(document: &str) -> Option<String> {
    let mut scanner = Scanner::default();
    scanner.object(document.as_bytes()).ok()?;
    let members = scanner.members();
    let leading = members.iter().take_while(|member| is_action(document, member)).count();
    if leading == 0 || leading == members.len() {
        return None;
    }
    let text = |member: &Member| &document[member.name.start as usize - 1..member.value.end as usize];
    let name = |member: &Member| unescape(member.name.of(document)).map(std::borrow::Cow::into_owned);
    let (moved, left) = members.split_at(leading);
    let comes_again = |member: &&Member| left.iter().any(|other| name(other) == name(member));
    let order = left.iter().chain(moved.iter().filter(|member| !comes_again(member)));
    let parts: Vec<&str> = order.map(text).collect();
    Some(format!("{{{}}}", parts.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_begins_like_an_action_gets_those_members_at_its_end() {
        for (document, sent) in [
            (r#"{"index":5,"v":1}"#, Some(r#"{"v":1,"index":5}"#)),
            (
                r#"{ "create" : {"a": 1} , "delete":2, "v" : [1, 2] , "w":3 }"#,
                Some(r#"{"v" : [1, 2],"w":3,"create" : {"a": 1},"delete":2}"#),
            ),
            (r#"{"\u0069ndex":5,"v":1}"#, Some(r#"{"v":1,"\u0069ndex":5}"#)),
            (r#"{"index":1,"v":1,"index":2}"#, Some(r#"{"v":1,"index":2}"#)),
            (r#"{"index":1,"index":2,"v":1}"#, Some(r#"{"v":1,"index":1,"index":2}"#)),
            (r#"{"indices":5,"v":1}"#, None),
            (r#"{"v":1,"index":5}"#, None),
            ("{}", None),
        ] {
            assert_eq!(no_action(document).as_deref(), sent, "{document}");
            assert!(sent.is_none() || may_be_action(document.as_bytes()), "{document}");
        }
    }
}
