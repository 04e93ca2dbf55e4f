//! Reads answers of the bulk API. Nothing is taken for success that does not name its action: items are matched by their
//! place, checked by name and id, and put right by id where a server mixed them up (contract of live servers, 1 and 2).

use super::Bulk;
use super::fast_reply;
use crate::record::Reason;
use crate::sink::bulk_api::{Named, blocked, culprit, error_of, forbidden};
use crate::sink::http::Reply;
use crate::sink::remote::admin::Dialect;
use crate::sink::remote::{Answer, Group, ItemOutcome, ItemResult};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, VecDeque};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    items: Option<Vec<Named<'a>>>,
    error: Option<&'a RawValue>,
}

/// Errors of the server's own that mean a bad line, before anything was carried out (contract of live servers, 3).
const NOTHING_DONE: [&str; 4] =
    ["null_pointer_exception", "input_coercion_exception", "x_content_e_o_f_exception", "json_parse_exception"];

/// The form of its errors.
pub(super) static DIALECT: Dialect = Dialect { said, is_busy: |_| false };

fn said(reply: &Reply) -> Option<String> {
    let raw = serde_json::from_slice::<Body<'_>>(&reply.body).ok()?.error?;
    let error = error_of(raw);
    match (error.kind, error.reason) {
        (Some(kind), Some(reason)) => Some(format!("{kind}: {reason}")),
        (None, Some(text)) if raw.get().starts_with('"') => Some(text.into_owned()),
        _ => None,
    }
}

/// What a server says when it refuses a request though it has nothing else to do: waiting would not help (contract, 2.5).
const IDLE: [&str; 2] = ["all_bytes=0,", "all_bytes=0]"];

/// What may refuse a request because of its size.
const LIMIT: &str = "the server (http.max_content_length, or a proxy's limit)";

/// What a reply to a bulk request means.
pub(super) fn read(bulk: &Bulk, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
    if reply.status == 200 {
        return items(group, reply, detail);
    }
    let text = String::from_utf8_lossy(&reply.body);
    let error = serde_json::from_str::<Body<'_>>(&text).ok().and_then(|body| body.error).map(error_of);
    let is_block = error.as_ref().is_some_and(|error| error.kind() == "cluster_block_exception");
    let reason = match &error {
        Some(error) => error.reason(reply.status),
        None => Reason::new(format!("status_{}", reply.status), reply.page()),
    };
    match reply.status {
        300..=399 => Answer::Closed(reply.redirect()),
        400 => Answer::Refused {
            culprit: culprit(group, &reason.text),
            // What is said of a single action, or before anything is read, is certain.
            perhaps_done: bulk.is_incremental && group.len() > 1,
            reason,
        },
        401 => Answer::Closed(format!("{}; check the user and the password, or the key", reason.text)),
        403 | 429 if is_block => Answer::Closed(blocked(&reason.text)),
        403 => Answer::Closed(forbidden(&reason.text)),
        404 | 405 | 406 | 410 => Answer::Closed(format!("{}; is this the address of the cluster?", reason.text)),
        407 => Answer::Closed(format!("{}; the proxy requires a login", reason.text)),
        413 => Answer::TooLarge(group.too_large(LIMIT)),
        429 if group.len() > 1 && IDLE.iter().any(|idle| reason.text.contains(idle)) => Answer::TooLarge(reason.text),
        429 => Answer::Busy(reason.text),
        503 if error.as_ref().is_some_and(|error| error.kind.is_some()) => Answer::Busy(reason.text),
        // These come from gateways, and what stands behind them may have done everything.
        502..=504 => Answer::Lost(reason.text),
        500 if error.is_some() => {
            let perhaps_done = !NOTHING_DONE.contains(&reason.kind.as_ref());
            Answer::Refused { culprit: None, perhaps_done, reason }
        }
        _ => Answer::Lost(reason.text),
    }
}

/// Pairs the items of an answer with the actions.
fn items(group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
    if !detail && let Some(outcomes) = fast_reply::read(group, &reply.body) {
        return Answer::Items(outcomes);
    }
    let Ok(Body { items: Some(items), error: None }) = serde_json::from_slice(&reply.body) else {
        return Answer::Lost(reply.page());
    };
    if items.len() != group.len() {
        let (sent, got) = (group.len(), items.len());
        return Answer::Lost(format!("the answer has {got} items for {sent} actions"));
    }
    // Items that fit in their places are theirs, whatever index they name: an alias has another, and only an item that was
    // carried out names the one behind it.
    if items.iter().enumerate().all(|(place, item)| item.fits(group.key(place))) {
        let told = items.iter().enumerate().map(|(place, item)| told(item, group, place, detail));
        return Answer::Items(told.collect::<Vec<_>>().into());
    }
    Answer::Items(by_name(&items, group, detail).into())
}

fn told(item: &Named<'_>, group: Group<'_>, place: usize, detail: bool) -> ItemResult {
    ItemResult { outcome: item.outcome(group.key(place).1, &|| group.get(place)), shown: detail.then(|| item.shown()) }
}

/// Pairs items that are not in their places by id, and then what has lost its name with what is left.
fn by_name(items: &[Named<'_>], group: Group<'_>, detail: bool) -> Vec<ItemResult> {
    let mut by_id: HashMap<Option<&str>, VecDeque<&Named<'_>>> = HashMap::new();
    for item in items {
        by_id.entry(item.item.id.as_deref()).or_default().push_back(item);
    }
    // An upsert that failed in an ingest pipeline comes back as an `index` without an id (contract of live servers, 2).
    let nameless = by_id.remove(&None).unwrap_or_default();
    let of_place = |place| {
        let ((key, op), collection) = (group.key(place), group.get(place).collection);
        let same_id = by_id.get_mut(&Some(key))?;
        // Where an index is named by an alias, the item names another.
        let here = same_id.iter().position(|item| item.answers(op) && item.may_lie_in(collection));
        let first = here.or_else(|| same_id.iter().position(|item| item.answers(op)))?;
        // Two actions of one kind on one key keep their order among themselves.
        same_id.remove(first).map(|item| told(item, group, place, detail))
    };
    let told_of: Vec<Option<ItemResult>> = (0..group.len()).map(of_place).collect();
    // What is left are failures only, one for each action that is left: which is whose matters to the reason alone.
    let are_failures = by_id.values().all(VecDeque::is_empty) && nameless.iter().all(|item| item.item.error.is_some());
    let is_one = told_of.iter().filter(|told| told.is_none()).count() == 1;
    let mut failures = nameless.into_iter().filter(|_| are_failures);
    let mut of_failure = |place| match failures.next() {
        Some(item) => {
            let mut told = told(item, group, place, detail);
            if let (ItemOutcome::Rejected(reason), false) = (&mut told.outcome, is_one) {
                reason.text.push_str(" (the server does not report which of its failures this is)");
            }
            told
        }
        None => {
            let key = group.key(place).0;
            let why = format!("no item of the answer names the key {key:?} (does an ingest pipeline change it?)");
            ItemResult { outcome: ItemOutcome::Unclear(why), shown: None }
        }
    };
    told_of.into_iter().enumerate().map(|(place, told)| told.unwrap_or_else(|| of_failure(place))).collect()
}

#[cfg(test)]
mod tests;
