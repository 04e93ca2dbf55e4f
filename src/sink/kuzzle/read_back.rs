//! Finds out what became of documents whose answer was lost: what is stored is compared with what Kuzzle makes of the
//! document that was sent.

use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{Span, Token, Walk, quote_into, unescape};
use crate::sink::bulk_api::{has_routing, names};
use crate::sink::http::Reply;
use crate::sink::remote::{Group, Kept, Stored};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Levels of nesting that are compared, so that the call stack holds.
const DEEPEST: usize = 1000;

/// The body of the request that reads the actions' documents.
pub(super) fn request(group: Group<'_>) -> String {
    let mut body = String::from("{\"ids\":[");
    for place in 0..group.len() {
        if place > 0 {
            body.push(',');
        }
        quote_into(&mut body, group.key(place).0);
    }
    body.push_str("]}");
    body
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    result: Found<'a>,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    successes: Vec<Document<'a>>,
    #[serde(borrow)]
    errors: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "_id")]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "_source")]
    source: &'a RawValue,
}

/// Compares what was found with what the actions would have stored.
pub(super) fn compare(group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
    let body: Body<'_> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    let found: HashMap<&str, &str> =
        body.result.successes.iter().map(|document| (&*document.id, document.source.get())).collect();
    let stored = |action: BatchAction<'_>| match found.get(action.key) {
        // One with a routing of its own is not found without it.
        _ if has_routing(action.head) => Stored::Unclear("it has a routing".to_owned()),
        Some(_) if matches!(action.op, Op::Update | Op::Upsert) => Stored::Unclear("it was merged".to_owned()),
        Some(_) if names(action.head, &["pipeline"]) => {
            Stored::Unclear("an ingest pipeline may have changed it".to_owned())
        }
        Some(source) => match (canonical(action.doc), canonical(source)) {
            (Some(ours), Some(theirs)) if ours == theirs => Stored::Same,
            (Some(_), Some(_)) => Stored::Other,
            _ => Stored::Unclear("it is nested too deeply".to_owned()),
        },
        None if body.result.errors.iter().any(|id| *id == action.key) => Stored::Nothing,
        None => Stored::Unclear("Kuzzle does not say whether it is there".to_owned()),
    };
    Some(group.iter().map(stored).collect())
}

/// An object or an array whose end has not come.
enum Frame {
    Object { members: BTreeMap<String, String>, name: String },
    Array(Vec<String>),
}

/// A document as JavaScript reads it, written in one way only and without `_kuzzle_info`: numbers are doubles, or null
/// beyond those, and of members with one name the last counts. `None` if it is nested too deeply.
fn canonical(text: &str) -> Option<String> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut walk = Walk::new(text, [Span::default(); 2]);
    while let Some(token) = walk.next() {
        let value = match token {
            Token::Open if frames.len() == DEEPEST => return None,
            Token::Open if text.as_bytes()[walk.at() - 1] == b'{' => {
                frames.push(Frame::Object { members: BTreeMap::new(), name: String::new() });
                continue;
            }
            Token::Open => {
                frames.push(Frame::Array(Vec::new()));
                continue;
            }
            Token::Name { inside, .. } => {
                if let Some(Frame::Object { name, .. }) = frames.last_mut() {
                    *name = string(inside.of(text));
                }
                continue;
            }
            Token::Number(span) => number(span.of(text)),
            Token::Word(span) => match span.of(text) {
                word if word.starts_with('"') => string(&word[1..word.len() - 1]),
                word => word.to_owned(),
            },
            Token::Close => match frames.pop()? {
                Frame::Object { mut members, .. } => {
                    if frames.is_empty() {
                        members.remove("\"_kuzzle_info\"");
                    }
                    let members: Vec<String> =
                        members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }
                Frame::Array(elements) => format!("[{}]", elements.join(",")),
            },
        };
        match frames.last_mut() {
            Some(Frame::Object { members, name }) => drop(members.insert(std::mem::take(name), value)),
            Some(Frame::Array(elements)) => elements.push(value),
            None => return Some(value),
        }
    }
    None
}

fn number(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(0.0) => "0".to_owned(),
        Ok(double) if double.is_finite() => format!("{double:e}"),
        _ => "null".to_owned(),
    }
}

/// A string with its quotes; one with half of a surrogate pair is no text, and is written as JavaScript's units.
fn string(inside: &str) -> String {
    let mut out = String::new();
    match unescape(inside) {
        Some(text) => quote_into(&mut out, &text),
        None => {
            // Between the halves there is text.
            let mut rest = inside;
            while !rest.is_empty() {
                let (piece, more) = piece(rest);
                match unescape(piece) {
                    Some(text) => text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
                    None => out.push_str(&piece.to_ascii_lowercase()),
                }
                rest = more;
            }
        }
    }
    out
}

/// Cuts off one character or escape; a pair of surrogates is two pieces.
fn piece(text: &str) -> (&str, &str) {
    let length = match text.as_bytes() {
        [b'\\', b'u', ..] => 6.min(text.len()),
        [b'\\', ..] => 2.min(text.len()),
        _ => text.chars().next().map_or(0, char::len_utf8),
    };
    text.split_at(length)
}

/// Whether the collection keeps documents as they were sent, by its settings: an ingest pipeline may change them, and the
/// storage may make `_source` from its fields. Kuzzle refuses a mapping that filters `_source`. What cannot be read may do
/// anything.
pub(super) fn kept(reply: &Reply) -> Kept {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success());
    let Some(settings) = body.as_ref().and_then(|body| body.get("result")).filter(|settings| settings.is_object())
    else {
        return Kept::Changed(format!("Kuzzle answers {} when asked for the collection's settings", reply.status));
    };
    let setting = |path: &str| settings.pointer(path).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let is_stored = match setting("/mapping/source/mode") {
        Some(mode) => mode == "stored",
        None => setting("/mode").is_none_or(|mode| mode == "standard" || mode == "lookup"),
    };
    let on = ["/derived_source/enabled", "/knn/derived_source/enabled", "/mapping/exclude_source_vectors"];
    if !is_stored || on.iter().any(|path| setting(path).is_some_and(|value| value == "true")) {
        return Kept::InPart("its storage leaves out parts of documents".to_owned());
    }
    let pipelines = ["/default_pipeline", "/final_pipeline"];
    if pipelines.iter().any(|path| setting(path).is_some_and(|pipeline| pipeline != "_none")) {
        return Kept::Changed("an ingest pipeline may have changed it".to_owned());
    }
    Kept::Whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_as_kuzzle_stores_them() {
        for (sent, stored, same) in [
            (r#"{"a":1.0,"b":"\u00e9"}"#, r#"{"b":"é","a":1,"_kuzzle_info":{"author":"x"}}"#, true),
            (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#, true),
            (r#"{"a":1e400,"b":-0}"#, r#"{"a":null,"b":0}"#, true),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
            (r#"{"a":{"_kuzzle_info":1}}"#, r#"{"a":{}}"#, false),
            (r#"{"a":"\uD800\u0061"}"#, r#"{"a":"\ud800a"}"#, true),
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#, false),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
            ("{}", "[]", false),
        ] {
            assert_eq!(canonical(sent) == canonical(stored), same, "{sent} {stored}");
            assert!(canonical(sent).is_some());
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(canonical(&deep), None);
    }
}
