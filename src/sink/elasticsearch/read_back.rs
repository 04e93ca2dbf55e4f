//! Finds out what became of actions whose response was not received: what is stored, and do the indices keep documents as they were
//! sent.

use super::Bulk;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::same_value;
use crate::sink::bulk_api::{error_of, field, kept_by, metadata, plain};
use crate::sink::http::{Call, Reply};
use crate::sink::remote::destination::Location;
use crate::sink::remote::{Group, Kept, Protocol, Stored, escaped};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The index of an action's document, or the name that the action gives, which may be no index but an alias.
fn index_of<'a>(bulk: &'a Bulk, action: &BatchAction<'a>, lies: &'a Location) -> &'a str {
    if lies.index.is_empty() { bulk.name_of(action) } else { &lies.index }
}

/// The body of the multi-get that reads the actions' documents.
pub(super) fn request(bulk: &Bulk, group: Group<'_>, lies: &[Location]) -> String {
    let question = |(action, lies): (BatchAction<'_>, &Location)| {
        let own = metadata(action.head).and_then(|meta| field(meta, "routing")).and_then(plain);
        let mut question = json!({ "_index": index_of(bulk, &action, lies), "_id": action.key });
        if let Some(routing) = own.or_else(|| lies.routing.clone()) {
            question["routing"] = routing.into();
        }
        question
    };
    let docs: Vec<Value> = group.iter().zip(lies).map(question).collect();
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
pub(super) fn compare(bulk: &Bulk, group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
    let found: Documents<'_> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    (found.docs.len() == group.len())
        .then(|| group.iter().zip(&found.docs).map(|(action, document)| stored(bulk, &action, document)).collect())
}

fn stored(bulk: &Bulk, action: &BatchAction<'_>, document: &Document<'_>) -> Stored {
    if document.error.is_some_and(|error| error_of(error).kind() == "index_not_found_exception") {
        return Stored::Nothing;
    }
    if document.error.is_some() || document.id != action.key {
        return Stored::Unclear("the server cannot read it".to_owned());
    }
    let names_pipeline = metadata(action.head).is_some_and(|meta| field(meta, "pipeline").is_some());
    match (document.found, document.source) {
        (Some(true), _) if matches!(action.op, Op::Update | Op::Upsert) => Stored::Unclear("it was merged".to_owned()),
        // A server that keeps no text may write the same values otherwise.
        (Some(true), Some(source)) if action.doc == source.get() || same_value(action.doc, source.get()) => {
            Stored::Same
        }
        (Some(true), Some(_)) if bulk.pipeline.is_some() || names_pipeline => {
            Stored::Unclear("an ingest pipeline may have changed it".to_owned())
        }
        (Some(true), Some(_)) => Stored::Other,
        (Some(true), None) => Stored::Unclear("the index keeps no _source".to_owned()),
        (Some(false), _) => Stored::Nothing,
        (None, _) => Stored::Unclear("the server does not report whether it exists".to_owned()),
    }
}

/// The question for mappings and settings of the indices in which the actions' documents lie.
pub(super) fn ask_kept(bulk: &Bulk, group: Group<'_>, lies: &[Location]) -> Call {
    let named = group.iter().zip(lies).map(|(action, lies)| escaped(index_of(bulk, &action, lies)));
    let indices: BTreeSet<String> = named.filter(|index| !index.is_empty()).collect();
    let indices = Vec::from_iter(indices).join(",");
    let filter = ["mapping", "mode", "knn", "derived_source"].map(|name| format!("*.defaults.index.{name}")).join(",");
    let query = format!("include_defaults=true&filter_path=*.mappings,*.settings.index,{filter}");
    Call::get(format!("/{indices}?{query}"))
}

/// Whether this index keeps them; one that is not named is any of those that were asked for.
pub(super) fn kept(index: &str, reply: &Reply) -> Kept {
    let all: Option<Value> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success());
    let Some(all) = all.as_ref().and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        let why = format!("{} when asked for mapping and settings", reply.status_line());
        return Kept::Changed(why);
    };
    if let Some(about) = all.get(index) {
        return kept_by(about);
    }
    all.values().map(kept_by).fold(Kept::Whole, |worst, kept| match (&worst, &kept) {
        (Kept::Whole, _) | (_, Kept::InPart(_)) => kept,
        _ => worst,
    })
}
