//! Finds out what became of actions whose answer was lost: is the request still under way, what is stored, and could the
//! server have changed it.

use super::Bulk;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::json::{quote_into, same_value};
use crate::sink::bulk_api::{member, metadata, plain};
use crate::sink::http::Reply;
use crate::sink::remote::{Group, Stored, escaped};
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

/// Where an action's document lies: index and routing.
fn place(bulk: &Bulk, action: &BatchAction<'_>) -> (Option<String>, Option<String>) {
    let of = |object: &str, name: &str| member(object, name).and_then(plain);
    let meta = metadata(action.head).unwrap_or("{}");
    (of(meta, "_index").or_else(|| bulk.index.clone()), of(meta, "routing"))
}

/// The body of the multi-get that reads the actions' documents.
pub(super) fn request(bulk: &Bulk, group: Group<'_>) -> String {
    let mut body = String::from("{\"docs\":[");
    for (nth, action) in group.iter().enumerate() {
        let (index, routing) = place(bulk, &action);
        body.push_str(if nth > 0 { ",{\"_index\":" } else { "{\"_index\":" });
        quote_into(&mut body, index.as_deref().unwrap_or_default());
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

/// Where it stands whether the indices of these actions have pipelines of their own.
pub(super) fn settings_path(bulk: &Bulk, group: Group<'_>) -> String {
    let mut indices: Vec<String> =
        group.iter().filter_map(|action| place(bulk, &action).0).map(|index| escaped(&index)).collect();
    indices.sort_unstable();
    indices.dedup();
    let filter = "filter_path=*.settings.index.default_pipeline,*.settings.index.final_pipeline";
    format!("/{}/_settings?{filter}", indices.join(","))
}

/// Whether the settings name a pipeline. What cannot be read may.
pub(super) fn names_pipeline(reply: &Reply) -> bool {
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(settings) if reply.is_success() => {
            let names = |index: &Value, name: &str| {
                let pipeline = index.pointer(&format!("/settings/index/{name}")).and_then(Value::as_str);
                pipeline.is_some_and(|pipeline| pipeline != "_none")
            };
            let indices = settings.as_object().into_iter().flat_map(|all| all.values());
            indices.into_iter().any(|index| names(index, "default_pipeline") || names(index, "final_pipeline"))
        }
        _ => true,
    }
}
