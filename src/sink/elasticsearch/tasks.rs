//! Reads the list of running tasks. Only what is needed of it is kept: a busy cluster has thousands of them.

use crate::sink::http::Response;
use crate::sink::remote::answer::denies_itself;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    nodes: HashMap<Cow<'a, str>, Node<'a>>,
    node_failures: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Node<'a> {
    #[serde(borrow)]
    tasks: Option<HashMap<Cow<'a, str>, Task<'a>>>,
}

#[derive(Deserialize)]
struct Task<'a> {
    #[serde(borrow)]
    headers: Option<Headers<'a>>,
}

#[derive(Deserialize)]
struct Headers<'a> {
    #[serde(borrow, rename = "X-Opaque-Id")]
    id: Option<Cow<'a, str>>,
}

/// Whether a request whose id begins so is running; `None` if the response does not show it.
pub(super) fn is_running(response: &Response, id: &str) -> Option<bool> {
    if !response.is_success() || denies_itself(response) {
        return None;
    }
    let list: List<'_> = serde_json::from_slice(&response.body).ok()?;
    let is_it = |found: &str| found.starts_with(id);
    let has_id = |task: &Task<'_>| task.headers.as_ref().and_then(|headers| headers.id.as_deref()).is_some_and(is_it);
    let mut tasks = list.nodes.values().filter_map(|node| node.tasks.as_ref()).flat_map(HashMap::values);
    let found = tasks.any(has_id);
    let is_empty = |failures: &RawValue| serde_json::from_str::<[IgnoredAny; 0]>(failures.get()).is_ok();
    // A node that did not respond may be running it.
    (found || list.node_failures.is_none_or(is_empty)).then_some(found)
}
