//! `--bulk-mode`: no refresh and no replicas while a load runs. What to put back is kept in the index itself, in its
//! `_meta`, so that the next run finds it if this one is killed.

use crate::sink::http::{Call, Method};
use crate::sink::remote::admin::AdminClient;
use crate::sink::remote::escaped;
use anyhow::Result;
use serde_json::{Map, Value, json};

/// Our member of `_meta`.
const OURS: &str = "bulkimport_restore";
/// The settings that are changed.
const SETTINGS: [&str; 2] = ["refresh_interval", "number_of_replicas"];

/// Puts back what an interrupted run left off, if it did; whether it did.
///
/// # Errors
/// When it cannot be put back; one sentence.
pub(super) fn restore_left_over(admin: &mut AdminClient<'_>, index: &str, mappings: Option<&Value>) -> Result<bool> {
    let left = mappings.and_then(|mappings| mappings.pointer(&format!("/_meta/{OURS}")));
    let Some(before) = left.and_then(Value::as_object) else { return Ok(false) };
    restore(admin, index, before)?;
    Ok(true)
}

/// Turns refreshes and replicas off; returns what they were.
///
/// # Errors
/// When the index cannot be changed; one sentence.
pub(super) fn begin(admin: &mut AdminClient<'_>, index: &str) -> Result<Map<String, Value>> {
    let path = format!("/{}", escaped(index));
    // Another run may be loading into it: what that one found is what is to be put back.
    if let Some(before) = meta(admin, &path)?.get(OURS).and_then(Value::as_object) {
        return Ok(before.clone());
    }
    let all = admin.order(|| Call::get(format!("{path}/_settings")))?;
    let old = all.as_object().and_then(|all| all.values().next()).and_then(|index| index.pointer("/settings/index"));
    let before: Map<String, Value> = SETTINGS
        .iter()
        .map(|name| (name.to_string(), old.and_then(|old| old.get(*name)).cloned().unwrap_or(Value::Null)))
        .collect();
    put_meta(admin, &path, Some(&before))?;
    let load = json!({ "index": { "refresh_interval": "-1", "number_of_replicas": 0 } });
    put_settings(admin, &path, &load)?;
    Ok(before)
}

/// Puts the settings back as they were, and forgets them.
///
/// # Errors
/// When the index cannot be changed; one sentence.
pub(super) fn restore(admin: &mut AdminClient<'_>, index: &str, before: &Map<String, Value>) -> Result<()> {
    let path = format!("/{}", escaped(index));
    // A null gives a setting its default again.
    put_settings(admin, &path, &json!({ "index": before }))?;
    put_meta(admin, &path, None)?;
    admin.order(|| Call::new(Method::POST, format!("{path}/_refresh"))).map(drop)
}

fn put_settings(admin: &mut AdminClient<'_>, path: &str, settings: &Value) -> Result<()> {
    let body = settings.to_string();
    admin.order(|| Call::json(Method::PUT, format!("{path}/_settings"), body.clone())).map(drop)
}

/// Writes our member of `_meta`, or removes it; the rest of it is the user's, and `_meta` can only be put as a whole.
fn put_meta(admin: &mut AdminClient<'_>, path: &str, ours: Option<&Map<String, Value>>) -> Result<()> {
    let mut meta = meta(admin, path)?;
    match ours {
        Some(before) => meta.insert(OURS.to_owned(), Value::Object(before.clone())),
        None => meta.remove(OURS),
    };
    let body = json!({ "_meta": meta }).to_string();
    admin.order(|| Call::json(Method::PUT, format!("{path}/_mapping"), body.clone())).map(drop)
}

/// The index's `_meta`.
fn meta(admin: &mut AdminClient<'_>, path: &str) -> Result<Map<String, Value>> {
    let all = admin.order(|| Call::get(format!("{path}/_mapping")))?;
    let mappings = all.as_object().and_then(|all| all.values().next()).and_then(|index| index.get("mappings"));
    Ok(mappings.and_then(|mappings| mappings.get("_meta")).and_then(Value::as_object).cloned().unwrap_or_default())
}
