//! Finds out what became of actions whose answer was lost: is the request still under way, and what is stored.

use super::Bulk;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{quote_into, same_value};
use crate::sink::bulk_api::{error_of, member, metadata, plain};
use crate::sink::http::Reply;
use crate::sink::remote::destination::Location;
use crate::sink::remote::{Group, Stored};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Whether the task list has a task with our name; `None` if it is no task list.
pub(super) fn is_running(reply: &Reply, opaque: &str) -> Option<bool> {
    let list: Value = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    let nodes = list.get("nodes")?.as_object()?;
    let mut tasks = nodes.values().filter_map(|node| node.get("tasks")?.as_object()).flat_map(|tasks| tasks.values());
    let failed =
        list.get("node_failures").is_some_and(|failures| failures.as_array().is_none_or(|all| !all.is_empty()));
    let found = tasks.any(|task| task.pointer("/headers/X-Opaque-Id").and_then(Value::as_str) == Some(opaque));
    // A node that could not be asked may have it.
    (found || !failed).then_some(found)
}

/// The index that an action names, which may be no index but an alias.
pub(super) fn index_of(bulk: &Bulk, action: &BatchAction<'_>) -> Option<String> {
    of_head(action, "_index").or_else(|| bulk.index.clone())
}

fn of_head(action: &BatchAction<'_>, name: &str) -> Option<String> {
    member(metadata(action.head).unwrap_or("{}"), name).and_then(plain)
}

/// The body of the multi-get that reads the actions' documents.
pub(super) fn request(bulk: &Bulk, group: Group<'_>, lies: &[Location]) -> String {
    let mut body = String::from("{\"docs\":[");
    for (nth, (action, lies)) in group.iter().zip(lies).enumerate() {
        let named = if lies.index.is_empty() { index_of(bulk, &action) } else { None };
        let index = named.as_deref().unwrap_or(&lies.index);
        let routing = of_head(&action, "routing").or_else(|| lies.routing.clone());
        body.push_str(if nth > 0 { ",{\"_index\":" } else { "{\"_index\":" });
        quote_into(&mut body, index);
        body.push_str(",\"_id\":");
        quote_into(&mut body, action.key);
        if let Some(routing) = routing {
            body.push_str(",\"routing\":");
            quote_into(&mut body, &routing);
        }
        body.push('}');
    }
    body.push_str("]}");
    body
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
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Compares what the multi-get found with what the actions would have stored.
pub(super) fn compare(bulk: &Bulk, group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
    let found: Documents<'_> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success())?;
    if found.docs.len() != group.len() {
        return None;
    }
    Some(group.iter().zip(&found.docs).map(|(action, document)| stored(bulk, &action, document)).collect())
}

fn stored(bulk: &Bulk, action: &BatchAction<'_>, document: &Document<'_>) -> Stored {
    if document.error.is_some_and(|error| error_of(error).kind.as_deref() == Some("index_not_found_exception")) {
        return Stored::Nothing;
    }
    if document.error.is_some() || document.id != action.key {
        return Stored::Unclear("the server cannot read it".to_owned());
    }
    match (document.found, document.source) {
        (Some(true), _) if matches!(action.op, Op::Update | Op::Upsert) => Stored::Unclear("it was merged".to_owned()),
        (Some(true), Some(source)) => {
            let pipeline = match bulk.pipeline.as_deref() {
                _ if action.is_line => metadata(action.head).and_then(|meta| member(meta, "pipeline")?.into()),
                named => named,
            };
            match same(action.doc, source.get()) {
                true => Stored::Same,
                false if pipeline.is_some() || bulk.pipeline.is_some() => {
                    Stored::Unclear("an ingest pipeline may have changed it".to_owned())
                }
                false => Stored::Other,
            }
        }
        (Some(true), None) => Stored::Unclear("the index keeps no _source".to_owned()),
        (Some(false), _) => Stored::Nothing,
        (None, _) => Stored::Unclear("the server does not say whether it is there".to_owned()),
    }
}

/// Whether two documents are the same values; a server that keeps no text may write them otherwise.
fn same(ours: &str, theirs: &str) -> bool {
    ours == theirs || same_value(ours, theirs)
}
