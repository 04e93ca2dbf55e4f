//! Finds the outcome of actions without a response: what is stored, and whether the indices keep documents as they were
//! sent.

use super::Bulk;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::same_value;
use crate::sink::bulk_api::{field, metadata, parse_error, plain_text, source_fidelity};
use crate::sink::http::{Request, Response};
use crate::sink::remote::destination::Location;
use crate::sink::remote::{Fidelity, Group, Protocol, StoredDoc, escaped};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Maximum bytes of the mappings and settings of indices, and the maximum number of values in them: one of 10,000 fields has
/// 1 MB and 60,000 values.
const MAX_DESCRIPTION: usize = 4 << 20;
const MAX_VALUES: usize = 150_000;

/// The index of an action's document, or the name in the action, which may be an alias.
fn index_of<'a>(bulk: &'a Bulk, action: &BatchAction<'a>, location: &'a Location) -> &'a str {
    if location.index.is_empty() { bulk.collection_of(action) } else { &location.index }
}

/// The body of the multi-get that reads the actions' documents.
pub(super) fn request(bulk: &Bulk, group: Group<'_>, locations: &[Location]) -> String {
    let document = |(action, location): (BatchAction<'_>, &Location)| {
        let own = metadata(action.head).and_then(|meta| field(meta, "routing")).and_then(plain_text);
        let mut get = json!({ "_index": index_of(bulk, &action, location), "_id": action.key });
        if let Some(routing) = own.or_else(|| location.routing.clone()) {
            get["routing"] = routing.into();
        }
        get
    };
    let docs: Vec<Value> = group.iter().zip(locations).map(document).collect();
    json!({ "docs": docs }).to_string()
}

#[derive(Deserialize)]
struct Documents<'a> {
    #[serde(borrow)]
    docs: Vec<Document<'a>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "_id")]
    id: String,
    found: Option<bool>,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

/// Compares what the multi-get found with what the actions would have stored.
pub(super) fn compare(bulk: &Bulk, group: Group<'_>, response: &Response) -> Option<Vec<StoredDoc>> {
    let found: Documents<'_> = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success())?;
    (found.docs.len() == group.len())
        .then(|| group.iter().zip(&found.docs).map(|(action, document)| stored(bulk, &action, document)).collect())
}

fn stored(bulk: &Bulk, action: &BatchAction<'_>, document: &Document<'_>) -> StoredDoc {
    if document.error.is_some_and(|error| parse_error(error).kind() == "index_not_found_exception") {
        return StoredDoc::Missing;
    }
    if document.error.is_some() || document.id != action.key {
        return StoredDoc::Unclear("the server cannot read it".to_owned());
    }
    let names_pipeline = metadata(action.head).is_some_and(|meta| field(meta, "pipeline").is_some());
    match (document.found, document.source) {
        (Some(true), _) if matches!(action.op, Op::Update | Op::Upsert) => {
            StoredDoc::Unclear("it was merged".to_owned())
        }
        // Some servers do not keep the text of a document, only its values.
        (Some(true), Some(source)) if action.doc == source.get() || same_value(action.doc, source.get()) => {
            StoredDoc::Same
        }
        (Some(true), Some(_)) if bulk.pipeline.is_some() || names_pipeline => {
            StoredDoc::Unclear("an ingest pipeline may have changed it".to_owned())
        }
        (Some(true), Some(_)) => StoredDoc::Different,
        (Some(true), None) => StoredDoc::Unclear("the index keeps no _source".to_owned()),
        (Some(false), _) => StoredDoc::Missing,
        (None, _) => StoredDoc::Unclear("the server does not report whether it exists".to_owned()),
    }
}

/// The request for mappings and settings of the indices with the actions' documents.
pub(super) fn fidelity_request(bulk: &Bulk, group: Group<'_>, locations: &[Location]) -> Request {
    let names = group.iter().zip(locations).map(|(action, location)| escaped(index_of(bulk, &action, location)));
    let indices: BTreeSet<String> = names.filter(|index| !index.is_empty()).collect();
    let indices = Vec::from_iter(indices).join(",");
    let filter = ["mapping", "mode", "knn", "derived_source"].map(|name| format!("*.defaults.index.{name}")).join(",");
    let query = format!("include_defaults=true&filter_path=*.mappings,*.settings.index,{filter}");
    Request { max_response: Some(MAX_DESCRIPTION), ..Request::get(format!("/{indices}?{query}")) }
}

/// Whether this index keeps documents. Without a name it may be any of those in the response.
pub(super) fn read_fidelity(index: &str, response: &Response) -> Fidelity {
    let is_small = response.body.iter().filter(|byte| b",{[".contains(byte)).count() < MAX_VALUES;
    let all: Option<Value> = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success() && is_small);
    let Some(all) = all.as_ref().and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        let why = format!("{} when asked for mapping and settings", response.status);
        return Fidelity::MayChange(why);
    };
    if let Some(about) = all.get(index) {
        return source_fidelity(about);
    }
    all.values().map(source_fidelity).fold(Fidelity::Exact, |worst, kept| match (&worst, &kept) {
        (Fidelity::Exact, _) | (_, Fidelity::MayOmit(_)) => kept,
        _ => worst,
    })
}
