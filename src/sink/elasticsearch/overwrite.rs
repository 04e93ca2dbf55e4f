//! `--overwrite`: empties an index before the first document is sent. By a delete-by-query where the server has it, so that
//! readers never see the index gone; else the index is deleted and made again as it was.

use crate::error;
use crate::sink::http::{Call, Method};
use crate::sink::remote::escaped;
use crate::sink::remote::talk::{Talk, said};
use crate::sink::{Note, Say};
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often a task is asked whether it is done.
const ASK: Duration = Duration::from_millis(100);
/// Rounds of deleting, when others write to the index meanwhile.
const ROUNDS: u32 = 5;

/// Empties an index and says how.
///
/// # Errors
/// When it is not certain that the index is empty; one sentence.
pub(super) fn empty(talk: &mut Talk<'_>, index: &str, say: Say<'_>) -> Result<()> {
    let path = format!("/{}", escaped(index));
    if talk.ask(|| Call::new(Method::HEAD, path.clone()))?.status == 404 {
        return Ok(());
    }
    let mut deleted = 0;
    for _ in 0..ROUNDS {
        talk.order(|| Call::new(Method::POST, format!("{path}/_refresh")))?;
        if documents(talk, &path)? == 0 {
            say(Note::Warning(format!("--overwrite: emptied {index}, {deleted} documents deleted by query")));
            return Ok(());
        }
        match by_query(talk, &path)? {
            Some(more) => deleted += more,
            None => {
                made_again(talk, &path)?;
                let text = format!(
                    "--overwrite: deleted {index} and made it again with its settings and mappings: this server has no delete by query"
                );
                say(Note::Warning(text));
                return Ok(());
            }
        }
    }
    Err(anyhow!("{index} is not empty after {ROUNDS} rounds of deleting: does something else write to it?"))
}

fn documents(talk: &mut Talk<'_>, path: &str) -> Result<u64> {
    let count = talk.order(|| Call::get(format!("{path}/_count")))?;
    count.get("count").and_then(Value::as_u64).context("the server does not count the documents")
}

/// Deletes all documents; `None` if the server cannot.
fn by_query(talk: &mut Talk<'_>, path: &str) -> Result<Option<u64>> {
    let query = json!({ "query": { "match_all": {} } }).to_string();
    let path = format!("{path}/_delete_by_query?conflicts=proceed&refresh=true&wait_for_completion=false");
    let reply = talk.ask(|| Call::json(Method::POST, path.clone(), query.clone()))?;
    let text = said(&reply);
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
        let task = talk.order(|| Call::get(format!("/_tasks/{}", escaped(id))))?;
        if task.get("completed") == Some(&Value::Bool(true)) {
            let failures = task.pointer("/response/failures").and_then(Value::as_array).map_or(0, Vec::len);
            if let Some(error) = task.get("error").or(task.pointer("/response/failures/0").filter(|_| failures > 0)) {
                bail!("{error}");
            }
            return Ok(Some(task.pointer("/response/deleted").and_then(Value::as_u64).unwrap_or(0)));
        }
        if !talk.sleep(ASK) {
            bail!("stopped while documents were being deleted");
        }
    }
}

/// Settings that a server gives an index and takes from nobody.
const OF_THE_SERVER: [&str; 7] =
    ["creation_date", "creation_date_string", "uuid", "version", "provided_name", "history", "resize"];

fn made_again(talk: &mut Talk<'_>, path: &str) -> Result<()> {
    let all = talk.order(|| Call::get(path.to_owned()))?;
    let Some((name, old)) = all.as_object().and_then(|all| all.iter().next()) else {
        bail!("the server does not show the index");
    };
    let mut settings: Map<String, Value> =
        old.pointer("/settings/index").and_then(Value::as_object).cloned().unwrap_or_default();
    OF_THE_SERVER.iter().for_each(|name| {
        settings.remove(*name);
    });
    let part = |name: &str| old.get(name).cloned().unwrap_or_else(|| json!({}));
    let new = json!({ "settings": { "index": settings }, "mappings": part("mappings"), "aliases": part("aliases") })
        .to_string();
    let path = format!("/{}", escaped(name));
    let gone = talk.ask(|| Call::new(Method::DELETE, path.clone()))?;
    if !gone.is_success() && gone.status != 404 {
        bail!("{}", said(&gone));
    }
    let made = talk.ask(|| Call::json(Method::PUT, path.clone(), new.clone()));
    let fault = match made {
        Ok(reply) if reply.is_success() || said(&reply).contains("resource_already_exists") => return Ok(()),
        Ok(reply) => said(&reply),
        Err(why) => error::message(&why),
    };
    Err(anyhow!("{name} was deleted, and making it again failed: {fault}; it was made of: {new}"))
}
