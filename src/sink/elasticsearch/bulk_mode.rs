//! `--bulk-mode`: no refresh and no replicas during a load. The original settings are saved in the index itself, in its
//! `_meta`, so that the next run finds them if this one is killed.

use super::answer::ERRORS;
use crate::error::{self, refused};
use crate::retry::Retries;
use crate::sink::http::{Http, Method, Request};
use crate::sink::remote::admin::AdminClient;
use crate::sink::remote::escaped;
use crate::sink::target::Closing;
use crate::stop::Stop;
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Where `_meta` is in the description of an index, and our field in it.
const META: &str = "/mappings/_meta";
const SAVED: &str = "bulkimport_restore";
/// The settings that are changed.
const SETTINGS: [&str; 2] = ["refresh_interval", "number_of_replicas"];
/// The retries to restore settings when the user waits for the end.
const FEW_RETRIES: Retries = Retries { retries: 3, max_time: Duration::from_secs(5) };

/// Restores the settings, at the latest when it is dropped.
struct RestoreSettings {
    index: String,
    before: Option<Map<String, Value>>,
    http: Http,
    retries: Retries,
}

impl Closing for RestoreSettings {
    fn close(&mut self, in_a_hurry: bool) -> Result<()> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let retries = if in_a_hurry { FEW_RETRIES } else { self.retries };
        let mut admin = AdminClient { http: &mut self.http, retries, stop: Stop::default(), errors: &ERRORS };
        restore(&mut admin, &self.index, &before).map_err(|why| {
            let (index, why) = (&self.index, error::message(&why));
            let fault = format!("--bulk-mode: the settings of {index} are not restored: {why}");
            refused(format!("{fault}; the next run into it restores them"))
        })
    }
}

impl Drop for RestoreSettings {
    fn drop(&mut self) {
        let _ = self.close(true);
    }
}

/// The settings that an interrupted run saved, by the description of the index.
pub(super) fn saved_settings(index: &Value) -> Option<&Map<String, Value>> {
    index.pointer(META)?.get(SAVED)?.as_object()
}

/// Turns refreshes and replicas off. Returns what turns them on again, through `http`.
pub(super) fn begin(admin: &mut AdminClient<'_>, index: String, http: Http) -> Result<Box<dyn Closing>> {
    let path = format!("/{}", escaped(&index));
    let meta = object(admin, format!("{path}/_mapping"), META)?;
    // Another run may be loading into it, and have saved the original settings.
    let before = match meta.get(SAVED).and_then(Value::as_object) {
        Some(before) => before.clone(),
        None => turn_off(admin, &path, meta)?,
    };
    Ok(Box::new(RestoreSettings { index, before: Some(before), http, retries: admin.retries }))
}

fn turn_off(admin: &mut AdminClient<'_>, path: &str, mut meta: Map<String, Value>) -> Result<Map<String, Value>> {
    let old = object(admin, format!("{path}/_settings"), "/settings/index")?;
    let before = SETTINGS.map(|name| (name.to_owned(), old.get(name).cloned().unwrap_or(Value::Null)));
    let before = Map::from_iter(before);
    meta.insert(SAVED.to_owned(), before.clone().into());
    put(admin, format!("{path}/_mapping"), &json!({ "_meta": meta }))?;
    let load = json!({ "index": { "refresh_interval": "-1", "number_of_replicas": 0 } });
    put(admin, format!("{path}/_settings"), &load)?;
    Ok(before)
}

/// Restores the settings, and removes them from `_meta`.
pub(super) fn restore(admin: &mut AdminClient<'_>, index: &str, before: &Map<String, Value>) -> Result<()> {
    let path = format!("/{}", escaped(index));
    // A null restores the default.
    put(admin, format!("{path}/_settings"), &json!({ "index": before }))?;
    // The rest of `_meta` belongs to the user, and it can only be written as a whole.
    let mut meta = object(admin, format!("{path}/_mapping"), META)?;
    meta.remove(SAVED);
    put(admin, format!("{path}/_mapping"), &json!({ "_meta": meta }))?;
    admin.send_ok(&Request::new(Method::POST, format!("{path}/_refresh"))).map(drop)
}

fn put(admin: &mut AdminClient<'_>, path: String, body: &Value) -> Result<()> {
    admin.send_ok(&Request::json(Method::PUT, path, body.to_string())).map(drop)
}

/// An object in the description of an index; empty if it is not there.
fn object(admin: &mut AdminClient<'_>, path: String, pointer: &str) -> Result<Map<String, Value>> {
    let all = admin.send_ok(&Request::get(path))?;
    let index = all.as_object().and_then(|all| all.values().next());
    Ok(index.and_then(|index| index.pointer(pointer)).and_then(Value::as_object).cloned().unwrap_or_default())
}
