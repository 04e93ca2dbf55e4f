//! `--bulk-mode`: no refresh and no replicas while a load runs. What to put back is kept in the index itself, in its
//! `_meta`, so that the next run finds it if this one is killed.

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

/// Where `_meta` is in what the server says of an index, and our field of it.
const META: &str = "/mappings/_meta";
const OURS: &str = "bulkimport_restore";
/// The settings that are changed.
const SETTINGS: [&str; 2] = ["refresh_interval", "number_of_replicas"];
/// What is done to restore settings when somebody waits for the end.
const IN_A_HURRY: Retries = Retries { retries: 3, max_time: Duration::from_secs(5) };

/// Restores what was changed, at the latest when it is dropped.
struct Restoring {
    index: String,
    before: Option<Map<String, Value>>,
    http: Http,
    retries: Retries,
}

impl Closing for Restoring {
    fn close(&mut self, in_a_hurry: bool) -> Result<()> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let retries = if in_a_hurry { IN_A_HURRY } else { self.retries };
        let mut admin = AdminClient { http: &mut self.http, retries, stop: Stop::default(), errors: &ERRORS };
        restore(&mut admin, &self.index, &before).map_err(|why| {
            let (index, why) = (&self.index, error::message(&why));
            let fault = format!("--bulk-mode: the settings of {index} are not restored: {why}");
            refused(format!("{fault}; the next run into it restores them"))
        })
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        let _ = self.close(true);
    }
}

/// What an interrupted run left to be put back, by what the server says of the index.
pub(super) fn left_over(about: &Value) -> Option<&Map<String, Value>> {
    about.pointer(META)?.get(OURS)?.as_object()
}

/// Turns refreshes and replicas off; returns what turns them on again, which goes by `http`.
pub(super) fn begin(admin: &mut AdminClient<'_>, index: String, http: Http) -> Result<Box<dyn Closing>> {
    let path = format!("/{}", escaped(&index));
    let meta = object(admin, format!("{path}/_mapping"), META)?;
    // Another run may be loading into it: what that one found is what is to be put back.
    let before = match meta.get(OURS).and_then(Value::as_object) {
        Some(before) => before.clone(),
        None => turn_off(admin, &path, meta)?,
    };
    Ok(Box::new(Restoring { index, before: Some(before), http, retries: admin.retries }))
}

fn turn_off(admin: &mut AdminClient<'_>, path: &str, mut meta: Map<String, Value>) -> Result<Map<String, Value>> {
    let old = object(admin, format!("{path}/_settings"), "/settings/index")?;
    let before = SETTINGS.map(|name| (name.to_owned(), old.get(name).cloned().unwrap_or(Value::Null)));
    let before = Map::from_iter(before);
    meta.insert(OURS.to_owned(), before.clone().into());
    put(admin, format!("{path}/_mapping"), &json!({ "_meta": meta }))?;
    let load = json!({ "index": { "refresh_interval": "-1", "number_of_replicas": 0 } });
    put(admin, format!("{path}/_settings"), &load)?;
    Ok(before)
}

/// Puts the settings back as they were, and forgets them.
pub(super) fn restore(admin: &mut AdminClient<'_>, index: &str, before: &Map<String, Value>) -> Result<()> {
    let path = format!("/{}", escaped(index));
    // A null gives a setting its default again.
    put(admin, format!("{path}/_settings"), &json!({ "index": before }))?;
    // The rest of `_meta` is the user's, and it can only be put as a whole.
    let mut meta = object(admin, format!("{path}/_mapping"), META)?;
    meta.remove(OURS);
    put(admin, format!("{path}/_mapping"), &json!({ "_meta": meta }))?;
    admin.send_ok(&Request::new(Method::POST, format!("{path}/_refresh"))).map(drop)
}

fn put(admin: &mut AdminClient<'_>, path: String, body: &Value) -> Result<()> {
    admin.send_ok(&Request::json(Method::PUT, path, body.to_string())).map(drop)
}

/// An object in what the server says of an index; empty if it is not there.
fn object(admin: &mut AdminClient<'_>, path: String, pointer: &str) -> Result<Map<String, Value>> {
    let all = admin.send_ok(&Request::get(path))?;
    let index = all.as_object().and_then(|all| all.values().next());
    Ok(index.and_then(|index| index.pointer(pointer)).and_then(Value::as_object).cloned().unwrap_or_default())
}
