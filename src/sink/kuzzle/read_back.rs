//! Finds the outcome of documents without a response: compares what is stored with what Kuzzle makes of the document that
//! was sent.

use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::JsonKind;
use crate::sink::bulk_api::{has_any, has_routing};
use crate::sink::http::Response;
use crate::sink::remote::{Group, StoredDoc};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Maximum levels of nesting that are compared, to protect the call stack.
const MAX_DEPTH: usize = 1000;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    result: FoundDocuments<'a>,
}

#[derive(Deserialize)]
struct FoundDocuments<'a> {
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
pub(super) fn compare(group: Group<'_>, response: &Response) -> Option<Vec<StoredDoc>> {
    let body: Body<'_> = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success())?;
    let found: HashMap<&str, &str> =
        body.result.successes.iter().map(|document| (&*document.id, document.source.get())).collect();
    let stored = |action: BatchAction<'_>| match found.get(action.key) {
        // A document with a routing is not found without it.
        _ if has_routing(action.head) => StoredDoc::Unclear("it has a routing".to_owned()),
        Some(_) if matches!(action.op, Op::Update | Op::Upsert) => StoredDoc::Unclear("it was merged".to_owned()),
        Some(_) if has_any(action.head, &["pipeline"]) => {
            StoredDoc::Unclear("an ingest pipeline may have changed it".to_owned())
        }
        Some(source) => match (document(action.doc), document(source)) {
            (Some(ours), Some(theirs)) if ours == theirs => StoredDoc::Same,
            (Some(_), Some(_)) => StoredDoc::Different,
            _ => StoredDoc::Unclear("it is nested too deeply".to_owned()),
        },
        None if body.result.errors.iter().any(|id| *id == action.key) => StoredDoc::Missing,
        None => StoredDoc::Unclear("Kuzzle does not report whether it exists".to_owned()),
    };
    Some(group.iter().map(stored).collect())
}

/// A value in JavaScript: numbers are doubles, or null if too large, and of duplicate fields the last one counts.
#[derive(PartialEq)]
enum JsValue<'a> {
    Object(BTreeMap<JsString<'a>, JsValue<'a>>),
    Array(Vec<JsValue<'a>>),
    Number(f64),
    String(JsString<'a>),
    Literal(&'a str),
}

/// A string as bytes, because an unpaired surrogate is not valid UTF-8.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct JsString<'a>(#[serde(borrow)] Cow<'a, [u8]>);

/// The document in JavaScript, without `_kuzzle_info`. `None` if it is nested too deeply.
fn document(text: &str) -> Option<JsValue<'_>> {
    let mut document = value(text, 0);
    if let Some(JsValue::Object(fields)) = &mut document {
        fields.remove(&JsString(b"_kuzzle_info".into()));
    }
    document
}

fn value(text: &str, depth: usize) -> Option<JsValue<'_>> {
    Some(match JsonKind::of(text) {
        JsonKind::Object | JsonKind::Array if depth == MAX_DEPTH => return None,
        JsonKind::Object => {
            let mut fields = BTreeMap::new();
            for (name, field) in serde_json::from_str::<BTreeMap<JsString<'_>, &RawValue>>(text).ok()? {
                fields.insert(name, value(field.get(), depth + 1)?);
            }
            JsValue::Object(fields)
        }
        JsonKind::Array => {
            let mut elements = Vec::new();
            for element in serde_json::from_str::<Vec<&RawValue>>(text).ok()? {
                elements.push(value(element.get(), depth + 1)?);
            }
            JsValue::Array(elements)
        }
        JsonKind::Number => match text.parse() {
            Ok(double) if f64::is_finite(double) => JsValue::Number(double),
            _ => JsValue::Literal("null"),
        },
        JsonKind::String => JsValue::String(serde_json::from_str(text).ok()?),
        JsonKind::Boolean | JsonKind::Null => JsValue::Literal(text),
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
        let deepest = format!("{}1{}", r#"{"a":"#.repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
        assert!(document(&deepest).is_some_and(|read| document(&deepest) == Some(read)));
    }
}
