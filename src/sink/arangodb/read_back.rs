//! Resolves documents without a response: reads what is stored, and whether the server could have changed it.

use super::Collection;
use super::rules::{Names, first_change};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{Scanner, Span, same_value};
use crate::sink::http::{Method, Request, Response};
use crate::sink::remote::{Fidelity, Group, StoredDoc, escaped};
use serde_json::Value;
use serde_json::value::RawValue;

/// The request that reads the documents with the keys of the actions.
pub(super) fn request(collection: &Collection, group: Group<'_>) -> Request {
    let mut body = String::from("[");
    for index in 0..group.len() {
        let separator = if index > 0 { "," } else { "" };
        body.extend([separator, "{\"_key\":\"", group.key(index).0, "\"}"]);
    }
    body.push(']');
    // The response contains the documents.
    let max_response = Some((1 << 20) + 2 * group.size() + group.len() * (1 << 10));
    let path = format!("/_api/document/{}?onlyget=true", escaped(&collection.name));
    Request { max_response, ..Request::json(Method::PUT, path, body) }
}

/// Compares the stored documents with those of the actions.
pub(super) fn compare(group: Group<'_>, reply: &Response) -> Option<Vec<StoredDoc>> {
    let found: Vec<&RawValue> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    (found.len() == group.len())
        .then(|| group.iter().zip(&found).map(|(action, found)| stored(&action, found.get())).collect())
}

fn stored(action: &BatchAction<'_>, found: &str) -> StoredDoc {
    let fields: Value = serde_json::from_str(found).unwrap_or_default();
    if fields["error"] == true && fields.get("_key").is_none() {
        return match fields["errorNum"].as_u64() {
            Some(1202) => StoredDoc::Missing,
            _ => StoredDoc::Unclear("the server cannot read it".to_owned()),
        };
    }
    if fields["_key"] != action.key {
        return StoredDoc::Unclear("the server returned another document".to_owned());
    }
    if action.op == Op::Upsert {
        return StoredDoc::Unclear("it was merged".to_owned());
    }
    match (bare(action.doc), bare(found)) {
        (Some(ours), Some(theirs)) if same_value(&ours, &theirs) => StoredDoc::Same,
        (Some(_), Some(_)) if first_change(action.doc, [Span::default(); 2], &mut Names::default()).is_some() => {
            StoredDoc::Unclear("it has values that the server changes".to_owned())
        }
        (Some(_), Some(_)) => StoredDoc::Different,
        _ => StoredDoc::Unclear("it is not a document".to_owned()),
    }
}

/// The document without the fields that belong to the server.
fn bare(document: &str) -> Option<String> {
    let mut scanner = Scanner::default();
    scanner.object(document.as_bytes()).ok()?;
    let mut text = String::from("{");
    for field in scanner.fields() {
        let name = field.name.of(document);
        if ["_key", "_id", "_rev"].iter().any(|own| crate::json::same_name(name, field.escaped, own)) {
            continue;
        }
        text.extend([if text.len() > 1 { ",\"" } else { "\"" }, name, "\":", field.value.of(document)]);
    }
    text.push('}');
    Some(text)
}

/// Whether the collection stores documents as they were sent, by its properties. It may compute values; if its properties
/// cannot be read, that is assumed.
pub(super) fn read_fidelity(reply: &Response) -> Fidelity {
    let computes = match serde_json::from_slice::<Value>(&reply.body) {
        Ok(properties) if reply.is_success() => {
            properties["computedValues"].as_array().is_some_and(|values| !values.is_empty())
        }
        _ => true,
    };
    if computes { Fidelity::MayChange("the collection may compute values in it".to_owned()) } else { Fidelity::Exact }
}
