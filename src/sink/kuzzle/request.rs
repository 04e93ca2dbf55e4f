//! Writes requests of `bulk:import`: one JSON object with one array, an action and its source in turn (contract of Kuzzle,
//! 1.4). Documents are copied byte for byte; only one that Kuzzle would take for an action has its members put in another
//! order.

use super::Import;
use super::rules::is_action;
use crate::action::{Action, Op};
use crate::batch::Encode;
use crate::json::{Member, Scanner, unescape};
use crate::sink::bulk_api::{push_action, push_upsert};
use crate::sink::http::{Call, Method};
use crate::sink::remote::{Group, push_document};
use std::ops::Range;

/// The request for a group.
pub(super) fn import(import: &Import, group: Group<'_>, opaque: String) -> Call {
    let text = group.text();
    // An array has no comma behind its last element.
    let inside = text.strip_suffix(b",").unwrap_or(&text);
    let body = [b"{\"bulkData\":[", inside, b"]}"].concat();
    let query = if import.waits_for_refresh { "?refresh=wait_for" } else { "" };
    // What failed comes back whole, written anew.
    let most = (16 << 20) + 3 * body.len() + group.len() * (4 << 10);
    let path = import.path(&format!("/_bulk{query}"));
    Call { opaque: Some(opaque), most: Some(most), ..Call::json(Method::POST, path, body) }
}

impl Encode for Import {
    /// Writes an action and its source, each with a comma behind it.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        push_action(action, self.retry_on_conflict, text);
        text.push(',');
        let mut doc = text.len()..text.len();
        match action.op {
            Op::Delete => return doc,
            Op::Update => {
                text.push_str(action.doc);
                doc.end = text.len();
            }
            Op::Upsert => doc = push_upsert(action, text),
            _ => {
                doc = push_document(action, text);
                if let Some(other) = no_action(&text[doc.clone()]) {
                    text.replace_range(doc.clone(), &other);
                    doc.end = text.len();
                }
            }
        }
        text.push(',');
        doc
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
    if !may_be_action(document.as_bytes()) {
        return None;
    }
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
        }
    }
}
