//! Reads responses of the bulk API. Nothing counts as success that does not name its action: items are matched by their
//! order, checked by operation and id, and matched by id where a server mixed them up (contract of live servers, 1 and 2).

use super::Bulk;
use super::fast_reply;
use crate::record::Reason;
use crate::sink::bulk_api::{ResponseItem, culprit, forbidden, parse_error, unwritable};
use crate::sink::http::Response;
use crate::sink::remote::admin::ErrorFormat;
use crate::sink::remote::{Group, ItemOutcome, ItemResult, Unwritable, Verdict, read_list};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, VecDeque};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    /// Whether an item failed.
    errors: Option<bool>,
    /// The status in an envelope, which should be that of the response.
    status: Option<u16>,
}

/// Internal errors that mean a bad line, before anything was applied (contract of live servers, 3).
const NOTHING_DONE: [&str; 4] =
    ["null_pointer_exception", "input_coercion_exception", "x_content_e_o_f_exception", "json_parse_exception"];

/// How the server reports its errors.
pub(super) static ERRORS: ErrorFormat = ErrorFormat { error_text, is_busy: |_| false };

fn error_text(response: &Response) -> Option<String> {
    let raw = serde_json::from_slice::<Body<'_>>(&response.body).ok()?.error?;
    let error = parse_error(raw);
    match (error.kind, error.reason) {
        (Some(kind), Some(reason)) => Some(format!("{kind}: {reason}")),
        (None, Some(text)) if raw.get().starts_with('"') => Some(text.into_owned()),
        _ => None,
    }
}

/// Found in the error of an idle server that refuses a request as too large: waiting would not help (contract, 2.5).
const IDLE: [&str; 2] = ["all_bytes=0,", "all_bytes=0]"];

/// What limits the size of a request.
const LIMIT: &str = "the server (http.max_content_length, or a proxy's limit)";

/// Reads the response to a bulk request.
pub(super) fn read(bulk: &Bulk, group: Group<'_>, response: &Response, detail: bool) -> Verdict {
    if response.status == 200 {
        return items(group, response, detail);
    }
    let text = String::from_utf8_lossy(&response.body);
    let error = serde_json::from_str::<Body<'_>>(&text).ok().and_then(|body| body.error).map(parse_error);
    let reason = match &error {
        Some(error) => error.reason(response.status),
        None => Reason::new(format!("status_{}", response.status), response.summary()),
    };
    if let Some(found) = error.as_ref().and_then(|error| unwritable(error, response.status, None)) {
        return whole_unwritable(bulk, group, found);
    }
    match response.status {
        300..=399 => Verdict::Fatal(response.redirect_message()),
        400 => Verdict::Refused {
            culprit: culprit(group, &reason.text),
            // The error of a single action, or one before anything is read, is certain.
            perhaps_done: bulk.is_incremental && group.len() > 1,
            reason,
        },
        401 => Verdict::Fatal(format!("{}; check the user and the password, or the key", reason.text)),
        403 => Verdict::Fatal(forbidden(&reason.text)),
        404 | 405 | 406 | 410 | 501 | 505 => {
            Verdict::Fatal(format!("{}; is this the address of the cluster?", reason.text))
        }
        407 => Verdict::Fatal(format!("{}; the proxy requires a login", reason.text)),
        413 => Verdict::TooLarge(group.too_large(LIMIT)),
        429 if is_breaker(&reason) && group.may_be_large() => Verdict::TooLarge(reason.text),
        429 if group.len() > 1 && IDLE.iter().any(|idle| reason.text.contains(idle)) => Verdict::TooLarge(reason.text),
        429 => Verdict::Busy(reason.text),
        503 if error.as_ref().is_some_and(|error| error.kind.is_some()) => Verdict::Busy(reason.text),
        // These come from gateways, and the server behind may have applied everything.
        502..=504 => Verdict::Unclear(reason.text),
        500 if error.is_some() => {
            let perhaps_done = !NOTHING_DONE.contains(&reason.kind.as_ref());
            Verdict::Refused { culprit: None, perhaps_done, reason }
        }
        _ => Verdict::Unclear(reason.text),
    }
}

/// Whether the server has no memory for the request. A smaller one may fit.
fn is_breaker(reason: &Reason) -> bool {
    reason.kind == "circuit_breaking_exception"
}

/// Nothing can be written, as the server says of a whole request. With bulk lines for several indices it may mean one of them.
fn whole_unwritable(bulk: &Bulk, group: Group<'_>, found: Unwritable) -> Verdict {
    let is_of_index = found.reason.text.contains("index [");
    match is_of_index && group.batch.names_collections() {
        true => {
            let perhaps_done = bulk.is_incremental && group.len() > 1;
            Verdict::Refused { culprit: None, perhaps_done, reason: found.reason }
        }
        false => Verdict::Fatal(found.message()),
    }
}

/// Matches the items of a response with the actions.
fn items(group: Group<'_>, response: &Response, detail: bool) -> Verdict {
    if !detail && let Some(outcomes) = fast_reply::read(group, &response.body) {
        return Verdict::Items(outcomes);
    }
    let Ok(Body { items: Some(items), error: None, errors, status }) = serde_json::from_slice(&response.body) else {
        return Verdict::Unclear(response.summary());
    };
    let items: Vec<ResponseItem<'_>> = match read_list(items, group.len()) {
        Ok(items) if items.len() == group.len() => items,
        Ok(items) => {
            let (sent, got) = (group.len(), items.len());
            return Verdict::Unclear(format!("the answer has {got} items for {sent} actions"));
        }
        Err(why) => return Verdict::Unclear(format!("{}: {why}", response.summary())),
    };
    let is_denied = errors == Some(true) && items.iter().all(|item| item.body.error.is_none());
    if is_denied
        || status.is_some_and(|status| status != 200)
        || items.iter().any(|item| item.body.contradicts_itself())
    {
        return Verdict::Unclear(format!("the answer contradicts itself: {}", response.summary()));
    }
    // Items that match in order are accepted, whatever index they name: with an alias only items that were applied name the
    // index behind it.
    if items.iter().enumerate().all(|(index, item)| item.matches(group.key(index))) {
        let results = items.iter().enumerate().map(|(index, item)| result(item, group, index, detail));
        return Verdict::Items(results.collect::<Vec<_>>().into());
    }
    Verdict::Items(match_by_id(&items, group, detail).into())
}

fn result(item: &ResponseItem<'_>, group: Group<'_>, index: usize, detail: bool) -> ItemResult {
    let outcome = item.outcome(group.key(index).1, &|| group.get(index));
    let wants = detail || matches!(outcome, ItemOutcome::Rejected(_));
    ItemResult { outcome, details: wants.then(|| item.details()) }
}

/// Matches items that are out of order by id, and then those without an id with the actions that are left.
fn match_by_id(items: &[ResponseItem<'_>], group: Group<'_>, detail: bool) -> Vec<ItemResult> {
    let mut by_id: HashMap<Option<&str>, VecDeque<&ResponseItem<'_>>> = HashMap::new();
    for item in items {
        by_id.entry(item.body.id.as_deref()).or_default().push_back(item);
    }
    // An upsert that failed in an ingest pipeline comes back as an `index` without an id (contract of live servers, 2).
    let no_id = by_id.remove(&None).unwrap_or_default();
    let find = |index| {
        let ((key, op), collection) = (group.key(index), group.get(index).collection);
        let same_id = by_id.get_mut(&Some(key))?;
        // The action may name an alias, and the item the index behind it.
        let same_index = same_id.iter().position(|item| item.has_op(op) && item.may_be_in(collection));
        let first = same_index.or_else(|| same_id.iter().position(|item| item.has_op(op)))?;
        // Actions with the same key and operation stay in order.
        same_id.remove(first).map(|item| result(item, group, index, detail))
    };
    let results: Vec<Option<ItemResult>> = (0..group.len()).map(find).collect();
    // If only failures are left, one for each action that is left, then it only matters for the reason which is whose.
    let are_failures = by_id.values().all(VecDeque::is_empty) && no_id.iter().all(|item| item.body.error.is_some());
    let is_one = results.iter().filter(|result| result.is_none()).count() == 1;
    let mut failures = no_id.into_iter().filter(|_| are_failures);
    let mut next_failure = |index| match failures.next() {
        Some(item) => {
            let mut result = result(item, group, index, detail);
            if let (ItemOutcome::Rejected(reason), false) = (&mut result.outcome, is_one) {
                reason.text.push_str(" (the server does not report which of its failures this is)");
            }
            result
        }
        None => {
            let key = group.key(index).0;
            let why = format!("no item of the answer names the key {key:?} (does an ingest pipeline change it?)");
            ItemResult { outcome: ItemOutcome::Unclear(why), details: None }
        }
    };
    results.into_iter().enumerate().map(|(index, result)| result.unwrap_or_else(|| next_failure(index))).collect()
}

#[cfg(test)]
mod tests;
