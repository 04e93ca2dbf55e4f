//! `--overwrite`: empties an index before the first document is sent. By a delete-by-query where the server has it, so that
//! readers never see the index gone; else the index is deleted and made again as it was.

use crate::error;
use crate::sink::http::{Call, Method};
use crate::sink::remote::admin::AdminClient;
use crate::sink::remote::escaped;
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often a task is asked whether it is done.
const ASK: Duration = Duration::from_millis(100);
/// Rounds of deleting, when others write to the index meanwhile.
const ROUNDS: u32 = 5;

/// Empties an index, and says how if there was one.
pub(super) fn empty(admin: &mut AdminClient<'_>, index: &str) -> Result<Option<String>> {
    let path = format!("/{}", escaped(index));
    if admin.ask(&Call::new(Method::HEAD, &*path))?.status == 404 {
        return Ok(None);
    }
    let mut deleted = 0;
    for _ in 0..ROUNDS {
        admin.order(&Call::new(Method::POST, format!("{path}/_refresh")))?;
        let count = admin.order(&Call::get(format!("{path}/_count")))?;
        let count = count.get("count").and_then(Value::as_u64);
        if count.context("the server does not count the documents")? == 0 {
            return Ok(Some(format!("emptied {index}, {deleted} documents deleted by query")));
        }
        let Some(more) = by_query(admin, &path)? else {
            made_again(admin, &path)?;
            return Ok(Some(format!(
                "deleted {index} and made it again with its settings and mappings: this server has no delete by query"
            )));
        };
        deleted += more;
    }
    Err(anyhow!("{index} is not empty after {ROUNDS} rounds of deleting: does something else write to it?"))
}

/// Deletes all documents; `None` if the server cannot.
fn by_query(admin: &mut AdminClient<'_>, path: &str) -> Result<Option<u64>> {
    let query = json!({ "query": { "match_all": {} } }).to_string();
    let path = format!("{path}/_delete_by_query?conflicts=proceed&refresh=true&wait_for_completion=false");
    let reply = admin.ask(&Call::json(Method::POST, path, query))?;
    let text = admin.said(&reply);
    // Elasticsearch 7 without the module takes the path for that of a document.
    let is_unknown = text.contains("no handler found") || text.contains("unrecognized parameter");
    if is_unknown || matches!(reply.status, 404 | 405) {
        return Ok(None);
    }
    let task: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let Some(id) = task.as_ref().and_then(|task| task.get("task")).and_then(Value::as_str) else {
        bail!("{text}");
    };
    loop {
        let task = admin.order(&Call::get(format!("/_tasks/{}", escaped(id))))?;
        if task.get("completed") == Some(&Value::Bool(true)) {
            if let Some(error) = task.get("error").or(task.pointer("/response/failures/0")) {
                bail!("{error}");
            }
            return Ok(Some(task.pointer("/response/deleted").and_then(Value::as_u64).unwrap_or(0)));
        }
        if !admin.sleep(ASK) {
            bail!("stopped while documents were being deleted");
        }
    }
}

/// Settings that a server gives an index and takes from nobody.
const OF_THE_SERVER: [&str; 7] =
    ["creation_date", "creation_date_string", "uuid", "version", "provided_name", "history", "resize"];

fn made_again(admin: &mut AdminClient<'_>, path: &str) -> Result<()> {
    let all = admin.order(&Call::get(path))?;
    let Some((name, old)) = all.as_object().and_then(|all| all.iter().next()) else {
        bail!("the server did not return the index");
    };
    let mut settings: Map<String, Value> =
        old.pointer("/settings/index").and_then(Value::as_object).cloned().unwrap_or_default();
    settings.retain(|name, _| !OF_THE_SERVER.contains(&name.as_str()));
    let part = |name: &str| old.get(name).cloned().unwrap_or_else(|| json!({}));
    let new = json!({ "settings": { "index": settings }, "mappings": part("mappings"), "aliases": part("aliases") })
        .to_string();
    let path = format!("/{}", escaped(name));
    let gone = admin.ask(&Call::new(Method::DELETE, &*path))?;
    if !gone.is_success() && gone.status != 404 {
        bail!("{}", admin.said(&gone));
    }
    let fault = match admin.ask(&Call::json(Method::PUT, path, new.clone())) {
        Ok(reply) if reply.is_success() || admin.said(&reply).contains("resource_already_exists") => return Ok(()),
        Ok(reply) => admin.said(&reply),
        Err(why) => error::message(&why),
    };
    Err(anyhow!("{name} was deleted, and making it again failed: {fault}; it was made of: {new}"))
}
