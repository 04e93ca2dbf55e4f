//! `--overwrite`: empties an index before the first document is sent. With a delete-by-query if the server has it, so that
//! the index never disappears; else the index is deleted and created again as it was.

use crate::error;
use crate::sink::bulk_api::SERVER_SETTINGS;
use crate::sink::http::{Method, Request};
use crate::sink::remote::admin::AdminClient;
use crate::sink::remote::{escaped, sleep_unless_stopped};
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The pause between questions whether a task is done.
const POLL_PAUSE: Duration = Duration::from_millis(100);
/// Maximum rounds of deleting, when others write to the index meanwhile.
const MAX_ROUNDS: u32 = 5;

/// Empties an index. Returns a message if there was one.
pub(super) fn empty(admin: &mut AdminClient<'_>, index: &str) -> Result<Option<String>> {
    let path = format!("/{}", escaped(index));
    if admin.send(&Request::new(Method::HEAD, &*path))?.status == 404 {
        return Ok(None);
    }
    let mut deleted = 0;
    for _ in 0..MAX_ROUNDS {
        admin.send_ok(&Request::new(Method::POST, format!("{path}/_refresh")))?;
        let count = admin.send_ok(&Request::get(format!("{path}/_count")))?;
        let count = count.get("count").and_then(Value::as_u64);
        if count.context("the server does not count the documents")? == 0 {
            return Ok(Some(format!("emptied {index}, {deleted} documents deleted by query")));
        }
        let Some(more) = by_query(admin, &path)? else {
            recreate(admin, &path)?;
            return Ok(Some(format!(
                "deleted {index} and made it again with its settings and mappings: this server has no delete by query"
            )));
        };
        deleted += more;
    }
    Err(anyhow!("{index} is not empty after {MAX_ROUNDS} rounds of deleting: does something else write to it?"))
}

/// Deletes all documents. Returns their number; `None` if the server cannot do that.
fn by_query(admin: &mut AdminClient<'_>, path: &str) -> Result<Option<u64>> {
    let query = json!({ "query": { "match_all": {} } }).to_string();
    let path = format!("{path}/_delete_by_query?conflicts=proceed&refresh=true&wait_for_completion=false");
    let response = admin.send(&Request::json(Method::POST, path, query))?;
    let text = admin.errors.error_text(&response);
    // Elasticsearch 7 without the module takes the path for a document's.
    let is_unknown = text.contains("no handler found") || text.contains("unrecognized parameter");
    if is_unknown || matches!(response.status, 404 | 405) {
        return Ok(None);
    }
    let task: Option<Value> = serde_json::from_slice(&response.body).ok();
    let Some(id) = task.as_ref().and_then(|task| task.get("task")).and_then(Value::as_str) else {
        bail!("{text}");
    };
    loop {
        let task = admin.send_ok(&Request::get(format!("/_tasks/{}", escaped(id))))?;
        if task.get("completed") == Some(&Value::Bool(true)) {
            if let Some(error) = task.get("error").or(task.pointer("/response/failures/0")) {
                bail!("{error}");
            }
            return Ok(Some(task.pointer("/response/deleted").and_then(Value::as_u64).unwrap_or(0)));
        }
        if !sleep_unless_stopped(POLL_PAUSE, &admin.stop) {
            bail!("stopped while documents were being deleted");
        }
    }
}

fn recreate(admin: &mut AdminClient<'_>, path: &str) -> Result<()> {
    let all = admin.send_ok(&Request { max_response: Some(4 << 20), ..Request::get(path) })?;
    let Some((name, old)) = all.as_object().and_then(|all| all.iter().next()) else {
        bail!("the server did not return the index");
    };
    let mut settings: Map<String, Value> =
        old.pointer("/settings/index").and_then(Value::as_object).cloned().unwrap_or_default();
    settings.retain(|name, _| !SERVER_SETTINGS.contains(&name.as_str()));
    let part = |name: &str| old.get(name).cloned().unwrap_or_else(|| json!({}));
    let new = json!({ "settings": { "index": settings }, "mappings": part("mappings"), "aliases": part("aliases") })
        .to_string();
    let path = format!("/{}", escaped(name));
    let deletion = admin.send(&Request::new(Method::DELETE, &*path))?;
    if !deletion.is_success() && deletion.status != 404 {
        bail!("{}", admin.errors.error_text(&deletion));
    }
    let fault = match admin.send(&Request::json(Method::PUT, path, new.clone())) {
        Ok(made) if made.is_success() || admin.errors.error_text(&made).contains("resource_already_exists") => {
            return Ok(());
        }
        Ok(response) => admin.errors.error_text(&response),
        Err(why) => error::message(&why),
    };
    Err(anyhow!("{name} was deleted, and making it again failed: {fault}; it was made of: {new}"))
}
