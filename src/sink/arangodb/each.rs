//! Reads responses of the document API: one item for each document, in the order of the request.

use super::Collection;
use super::errors::{kind, names_primary, outcome};
use super::request::mode;
use crate::action::Op;
use crate::sink::ItemDetails;
use crate::sink::http::Response;
use crate::sink::remote::{Group, ItemOutcome, ItemResult, read_list};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct ItemReply<'a> {
    #[serde(default)]
    error: bool,
    #[serde(rename = "errorNum")]
    number: Option<u32>,
    #[serde(borrow, rename = "errorMessage")]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_key")]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_rev")]
    rev: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_oldRev")]
    old_rev: Option<Cow<'a, str>>,
}

/// The result of each action.
pub(super) fn read(
    collection: &Collection,
    group: Group<'_>,
    reply: &Response,
    detail: bool,
) -> Result<Vec<ItemResult>, String> {
    let whole: &RawValue = serde_json::from_slice(&reply.body).map_err(|_| reply.summary())?;
    let raw: Vec<&RawValue> = read_list(whole, group.len()).map_err(|_| reply.summary())?;
    if raw.len() != group.len() {
        return Err(format!("the answer has {} items for {} documents", raw.len(), group.len()));
    }
    raw.iter()
        .enumerate()
        .map(|(index, raw)| result(collection, group, index, raw, detail).ok_or_else(|| reply.summary()))
        .collect()
}

fn result(collection: &Collection, group: Group<'_>, index: usize, raw: &RawValue, detail: bool) -> Option<ItemResult> {
    let item: ItemReply<'_> = serde_json::from_str(raw.get()).ok()?;
    let (key, op) = group.key(index);
    let outcome = match (item.error, item.number) {
        (true, Some(number)) => {
            outcome(number, item.message.as_deref().unwrap_or("no reason given"), op, &collection.unique)
        }
        (true, None) => return None,
        // It contradicts itself.
        (false, Some(1..)) => return None,
        (false, _) if item.message.is_some() => return None,
        (false, _) => success(&item, key, op),
    };
    let wants = detail || matches!(outcome, ItemOutcome::Rejected(_));
    let details = wants.then(|| Box::new(details(collection, &item, op)));
    Some(ItemResult { outcome, details })
}

fn success(item: &ItemReply<'_>, key: &str, op: Op) -> ItemOutcome {
    match item.key.as_deref() {
        Some(theirs) if key.is_empty() || theirs == key => {}
        _ => return ItemOutcome::Unclear(format!("the item of the answer does not name the key {key:?}")),
    }
    match (&item.old_rev, op) {
        (_, Op::Delete) => ItemOutcome::Deleted,
        (None, _) => ItemOutcome::Created,
        (Some(old), _) if Some(old) == item.rev.as_ref() => ItemOutcome::Unchanged,
        (Some(_), _) => ItemOutcome::Updated,
    }
}

fn details(collection: &Collection, item: &ItemReply<'_>, op: Op) -> ItemDetails {
    let is_primary = collection.unique.is_empty() || item.message.as_deref().is_some_and(names_primary);
    let (result, status) = match (item.number.filter(|_| item.error), &item.old_rev, op) {
        (Some(1202), ..) => (None, 404),
        (Some(1200 | 1210), ..) => (None, 409),
        (Some(_), ..) => (None, 400),
        (None, _, Op::Delete) => (Some("deleted"), 200),
        (None, None, _) => (Some("created"), 201),
        (None, Some(old), _) if Some(old) == item.rev.as_ref() => (Some("noop"), 201),
        (None, Some(_), _) => (Some("updated"), 201),
    };
    ItemDetails {
        op: mode(op).to_owned(),
        index: collection.name.clone(),
        status,
        result: result.map(str::to_owned),
        error: item.number.filter(|_| item.error).map(|number| {
            let kind = if number == 1210 && is_primary { "duplicate_key".to_owned() } else { kind(number) };
            json!({ "type": kind, "reason": item.message, "errorNum": number }).to_string()
        }),
        get: (!item.error).then(|| json!({ "_key": item.key, "_rev": item.rev }).to_string()),
        ..ItemDetails::default()
    }
}
