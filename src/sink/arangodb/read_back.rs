//! Finds out what became of documents whose response was not received: what is stored, and could the server have changed it.

use super::Collection;
use super::rules::{Names, change};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{Scanner, Span, same_value};
use crate::sink::http::{Call, Method, Reply};
use crate::sink::remote::{Group, Kept, Stored, escaped};
use serde_json::Value;
use serde_json::value::RawValue;

/// The request that reads the documents with the actions' keys.
pub(super) fn request(collection: &Collection, group: Group<'_>) -> Call {
    let mut body = String::from("[");
    for place in 0..group.len() {
        let joint = if place > 0 { "," } else { "" };
        body.extend([joint, "{\"_key\":\"", group.key(place).0, "\"}"]);
    }
    body.push(']');
    // Reading back, a server answers with the documents.
    let most = Some((64 << 20) + 2 * group.size());
    Call { most, ..Call::json(Method::PUT, format!("/_api/document/{}?onlyget=true", escaped(&collection.name)), body) }
}

/// Compares what is stored with what the actions would have stored.
pub(super) fn compare(group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
    let found: Vec<&RawValue> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    (found.len() == group.len())
        .then(|| group.iter().zip(&found).map(|(action, found)| stored(&action, found.get())).collect())
}

fn stored(action: &BatchAction<'_>, found: &str) -> Stored {
    let fields: Value = serde_json::from_str(found).unwrap_or_default();
    if fields["error"] == true && fields.get("_key").is_none() {
        return match fields["errorNum"].as_u64() {
            Some(1202) => Stored::Nothing,
            _ => Stored::Unclear("the server cannot read it".to_owned()),
        };
    }
    if fields["_key"] != action.key {
        return Stored::Unclear("the server returned another document".to_owned());
    }
    if action.op == Op::Upsert {
        return Stored::Unclear("it was merged".to_owned());
    }
    match (bare(action.doc), bare(found)) {
        (Some(ours), Some(theirs)) if same_value(&ours, &theirs) => Stored::Same,
        (Some(_), Some(_)) if change(action.doc, [Span::default(); 2], &mut Names::default()).is_some() => {
            Stored::Unclear("it has values that the server changes".to_owned())
        }
        (Some(_), Some(_)) => Stored::Other,
        _ => Stored::Unclear("it is not a document".to_owned()),
    }
}

/// The document without what the server makes or keeps for itself.
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

/// Whether the collection keeps documents as they were sent, by its properties: it may compute values, and so may one whose
/// properties cannot be read.
pub(super) fn kept(reply: &Reply) -> Kept {
    let computes = match serde_json::from_slice::<Value>(&reply.body) {
        Ok(properties) if reply.is_success() => {
            properties["computedValues"].as_array().is_some_and(|values| !values.is_empty())
        }
        _ => true,
    };
    if computes { Kept::Changed("the collection may compute values in it".to_owned()) } else { Kept::Whole }
}
