//! Finds out what became of documents whose response was not received: what is stored is compared with what Kuzzle makes of the
//! document that was sent.

use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::Kind;
use crate::sink::bulk_api::{has_routing, names};
use crate::sink::http::Reply;
use crate::sink::remote::{Group, Stored};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Levels of nesting that are compared, so that the call stack holds.
const DEEPEST: usize = 1000;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    result: Found<'a>,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    successes: Vec<Document<'a>>,
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
        Some(source) => match (document(action.doc), document(source)) {
            (Some(ours), Some(theirs)) if ours == theirs => Stored::Same,
            (Some(_), Some(_)) => Stored::Other,
            _ => Stored::Unclear("it is nested too deeply".to_owned()),
        },
        None if body.result.errors.iter().any(|id| *id == action.key) => Stored::Nothing,
        None => Stored::Unclear("Kuzzle does not report whether it exists".to_owned()),
    };
    Some(group.iter().map(stored).collect())
}

/// A value as JavaScript reads it: numbers are doubles, or null beyond those, and of fields with one name the last counts.
#[derive(PartialEq)]
enum Read<'a> {
    Object(BTreeMap<Text<'a>, Read<'a>>),
    Array(Vec<Read<'a>>),
    Number(f64),
    String(Text<'a>),
    Word(&'a str),
}

/// What a string says, as bytes: an unpaired surrogate is no text.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(#[serde(borrow)] Cow<'a, [u8]>);

/// The document that JavaScript reads, without `_kuzzle_info`. `None` if it is nested too deeply.
fn document(text: &str) -> Option<Read<'_>> {
    let mut document = value(text, 0);
    if let Some(Read::Object(fields)) = &mut document {
        fields.remove(&Text(b"_kuzzle_info".into()));
    }
    document
}

fn value(text: &str, depth: usize) -> Option<Read<'_>> {
    Some(match Kind::of(text) {
        Kind::Object | Kind::Array if depth == DEEPEST => return None,
        Kind::Object => {
            let mut fields = BTreeMap::new();
            for (name, field) in serde_json::from_str::<BTreeMap<Text<'_>, &RawValue>>(text).ok()? {
                fields.insert(name, value(field.get(), depth + 1)?);
            }
            Read::Object(fields)
        }
        Kind::Array => {
            let mut elements = Vec::new();
            for element in serde_json::from_str::<Vec<&RawValue>>(text).ok()? {
                elements.push(value(element.get(), depth + 1)?);
            }
            Read::Array(elements)
        }
        Kind::Number => {
            text.parse().ok().filter(|double: &f64| double.is_finite()).map_or(Read::Word("null"), Read::Number)
        }
        Kind::String => Read::String(serde_json::from_str(text).ok()?),
        Kind::Boolean | Kind::Null => Read::Word(text),
    })
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
            assert_eq!(document(sent) == document(stored), same, "{sent} {stored}");
            assert!(document(sent).is_some());
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(document(&deep).is_none());
        let deepest = format!("{}1{}", r#"{"a":"#.repeat(DEEPEST), "}".repeat(DEEPEST));
        assert!(document(&deepest).is_some_and(|read| document(&deepest) == Some(read)));
    }
}
