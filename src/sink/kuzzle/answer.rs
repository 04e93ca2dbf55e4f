//! Reads responses of `bulk:import`: two lists (Kuzzle 2), or the items that were applied and an error with those that were
//! not (Kuzzle 1). Nothing counts as success that does not name its key, and a response must account for every action
//! (contract of Kuzzle, 1.5, 1.7 and 1.10).

use super::Import;
use crate::action::Op;
use crate::mask::mask;
use crate::record::Reason;
use crate::sink::ItemDetails;
use crate::sink::bulk_api::{ItemBody, ResponseItem, ServerError, culprit, failure, is_conditional, parse_error, verb};
use crate::sink::http::Response;
use crate::sink::remote::admin::ErrorFormat;
use crate::sink::remote::{Group, ItemOutcome, ItemResult, Verdict, read_list};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// A response, or a bare error if the request never reached the API.
#[derive(Deserialize)]
struct Envelope<'a> {
    error: Option<KuzzleError>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    id: Option<String>,
    message: Option<String>,
    /// The status of the response.
    status: Option<u16>,
}

/// An error of Kuzzle.
#[derive(Deserialize)]
pub(super) struct KuzzleError {
    /// `services.storage.unknown_index`.
    id: Option<String>,
    message: Option<String>,
    /// The actions that failed; the form depends on the version.
    errors: Option<Box<RawValue>>,
}

/// A failure in Kuzzle 1.
#[derive(Deserialize)]
struct FlatFailure<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(rename = "_id")]
    id: Option<Cow<'a, str>>,
    status: u16,
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Lists<'a> {
    #[serde(borrow)]
    successes: &'a RawValue,
    errors: &'a RawValue,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: &'a RawValue,
}

/// The error in a response.
pub(super) fn error_in(response: &Response) -> Option<KuzzleError> {
    let Envelope { error, id, message, .. } = serde_json::from_slice(&response.body).ok()?;
    match error {
        // An error with neither is from another server.
        Some(fault) => (fault.id.is_some() || fault.message.is_some()).then_some(fault),
        None => message.is_some().then_some(KuzzleError { id, message, errors: None }),
    }
}

/// Whether a response to any request is in Kuzzle's envelope.
pub(super) fn is_kuzzle(response: &Response) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
    body.is_some_and(|body| body.get("requestId").is_some() && body.get("volatile").is_some())
}

impl KuzzleError {
    /// The id; `error` if there is none.
    pub(super) fn id(&self) -> &str {
        self.id.as_deref().filter(|id| !id.is_empty()).unwrap_or("error")
    }

    /// Whether it is an exception of JavaScript, as for documents that are nested thousands of levels deep.
    fn is_exception(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        ["Maximum call stack size exceeded", "Invalid string length", "Cannot "]
            .iter()
            .any(|text| message.starts_with(text))
    }

    /// Whether the storage refused the request for lack of memory.
    fn is_breaker(&self) -> bool {
        self.message.as_deref().is_some_and(|message| message.contains("circuit_breaking_exception"))
    }

    fn reason(&self) -> Reason {
        // Kuzzle quotes what it was sent.
        let message = self.message.as_deref().unwrap_or_default();
        let short: String = mask(message).replace(['\n', '\r'], " ").chars().take(300).collect();
        Reason::new(self.id().to_owned(), format!("{}: {short}", self.id()))
    }
}

/// How Kuzzle reports its errors.
pub(super) static ERRORS: ErrorFormat = ErrorFormat { error_text, is_busy: |_| false };

fn error_text(response: &Response) -> Option<String> {
    let fault = error_in(response)?;
    let message = fault.message.as_deref().filter(|message| !message.is_empty())?;
    Some(format!("{}: {message}", fault.id()))
}

/// What limits the size of a request.
const LIMIT: &str = "Kuzzle (server.maxRequestSize, 1 MB if it is not set)";

/// Reads the response to an import.
pub(super) fn read(import: &Import, group: Group<'_>, response: &Response, detail: bool) -> Verdict {
    if matches!(response.status, 200 | 206) {
        return items(import, group, response, detail).map_or_else(Verdict::Unclear, |all| Verdict::Items(all.into()));
    }
    let Some(fault) = error_in(response) else { return read_foreign(group, response) };
    let reason = fault.reason();
    match (response.status, fault.id()) {
        (400, id) => Verdict::Refused {
            culprit: culprit(group, &reason.text),
            // New storages apply what comes before a line that they cannot read.
            perhaps_done: group.len() > 1 && id == "services.storage.unexpected_bad_request",
            reason,
        },
        (401 | 403 | 404 | 407 | 412, _) => Verdict::Fatal(advice(import, response.status, &fault)),
        (413, _) => Verdict::TooLarge(group.too_large(LIMIT)),
        (429, _) => Verdict::Busy(reason.text),
        (503, id) if id.starts_with("api.process.") => Verdict::Busy(reason.text),
        // The token could not be checked: nothing was done.
        (500, "security.token.verification_error") => Verdict::Busy(reason.text),
        // The storage had no memory for the request, and did nothing.
        (_, id) if id.starts_with("services.storage.") && fault.is_breaker() => match group.may_be_large() {
            true => Verdict::TooLarge(reason.text),
            false => Verdict::Busy(reason.text),
        },
        // Kuzzle itself failed on one of the documents.
        (500, id) if id.starts_with("services.storage.") && fault.is_exception() => {
            Verdict::Refused { culprit: None, perhaps_done: true, reason }
        }
        // The storage did not respond to Kuzzle, and may have applied it.
        (500, id) if id.starts_with("services.storage.") || id.starts_with("core.fatal.") => {
            Verdict::Unclear(reason.text)
        }
        (500, _) => Verdict::Refused { culprit: None, perhaps_done: true, reason },
        _ => Verdict::Unclear(reason.text),
    }
}

/// Reads a response that is not Kuzzle's own.
fn read_foreign(group: Group<'_>, response: &Response) -> Verdict {
    let text = response.summary();
    match response.status {
        300..=399 => Verdict::Fatal(response.redirect_message()),
        400 => Verdict::Refused { culprit: None, perhaps_done: false, reason: Reason::new("status_400", text) },
        401..=407 | 410 | 412 => Verdict::Fatal(format!("{text}; is this the address of Kuzzle?")),
        413 => Verdict::TooLarge(group.too_large(LIMIT)),
        429 => Verdict::Busy(text),
        _ => Verdict::Unclear(text),
    }
}

/// The message for an error, with what an operator has to do.
pub(super) fn advice(import: &Import, status: u16, fault: &KuzzleError) -> String {
    let text = fault.reason().text.trim_end_matches(['.', ' ']).to_owned();
    match (status, fault.id()) {
        (401, "plugin.strategy.missing_user") => format!("{text}; check --user and the password"),
        (401, id) if id.starts_with("security.token.") => {
            format!("{text}; the token is invalid or has expired; --user logs in, and again when its token expires")
        }
        (401, _) => format!("{text}; log in with --user, or give a token with --bearer-file or --api-key-file"),
        (403, _) => format!("{text}; the user needs the right to bulk:import into {}", import.name()),
        (404, "services.storage.not_found") => format!("{text}; was the API key deleted?"),
        (404, _) => format!("{text}; is this the address of Kuzzle?"),
        (412, _) => format!("{text}; --create-collection creates the index and the collection"),
        _ => text,
    }
}

/// The outcomes of the actions, matched by their keys. The error is why the response cannot be used.
fn items(import: &Import, group: Group<'_>, response: &Response, detail: bool) -> Result<Vec<ItemResult>, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(&response.body).map_err(|_| response.summary())?;
    if envelope.status.is_some_and(|status| status != response.status) {
        return Err(format!("the answer contradicts itself: {}", response.summary()));
    }
    let (done, failed) = entries(&envelope, response.status, group.len()).ok_or_else(|| response.summary())?;
    let indexes: HashMap<&str, usize> = (0..group.len()).map(|index| (group.key(index).0, index)).collect();
    let mut results: Vec<Option<ItemResult>> = (0..group.len()).map(|_| None).collect();
    let done = done.iter().map(|item| (item, true));
    for (ResponseItem { op, body }, is_success) in done.chain(failed.iter().map(|item| (item, false))) {
        let id = body.id.as_deref().unwrap_or_default();
        let index = indexes.get(id).copied().filter(|index| verb(group.key(*index).1) == op);
        let index = index.ok_or_else(|| format!("the answer has an entry for {op} of {id:?}, which was not sent"))?;
        if is_success && body.error.is_some() {
            return Err(format!("the answer contradicts itself: an error in the success of {id:?}"));
        }
        let details = || ItemDetails {
            op: op.to_string(),
            index: import.name(),
            status: body.status,
            error: body.error.map(|raw| raw.get().to_owned()),
            ..ItemDetails::default()
        };
        let outcome = outcome(body, is_success, group, index);
        let wants = detail || matches!(outcome, ItemOutcome::Rejected(_));
        let details = wants.then(|| Box::new(details()));
        if results[index].replace(ItemResult { outcome, details }).is_some() {
            return Err(format!("the answer has two entries for {id:?}"));
        }
    }
    let sent = results.len();
    let results: Vec<ItemResult> = results.into_iter().flatten().collect();
    if results.len() != sent {
        return Err(format!("the answer accounts for {} of {sent} actions", results.len()));
    }
    Ok(results)
}

/// The items of actions that were applied, and of those that failed.
type Entries<'a> = (Vec<ResponseItem<'a>>, Vec<ResponseItem<'a>>);

/// The entries of a response, at most `max` of each kind.
fn entries<'a>(envelope: &'a Envelope<'a>, status: u16, max: usize) -> Option<Entries<'a>> {
    let result = envelope.result?.get();
    if status == 200 && envelope.error.is_some() {
        return None;
    }
    if let Ok(Lists { successes, errors }) = serde_json::from_str(result) {
        let lists = read_list(successes, max).ok().zip(read_list(errors, max).ok());
        return lists.filter(|_| status == 200);
    }
    let Items { items } = serde_json::from_str(result).ok()?;
    let items: Vec<ResponseItem<'_>> = read_list(items, max).ok()?;
    let (done, mut failed): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.body.status < 400);
    if let Some(errors) = envelope.error.as_ref().and_then(|error| error.errors.as_ref()) {
        let flat: Vec<FlatFailure<'_>> = read_list(errors, max).ok()?;
        failed.extend(flat.into_iter().map(|FlatFailure { action: op, id, status, error }| {
            let body = ItemBody { id, status, error, ..ItemBody::default() };
            ResponseItem { op, body }
        }));
    }
    Some((done, failed))
}

/// The outcome in an item.
fn outcome(body: &ItemBody<'_>, is_success: bool, group: Group<'_>, index: usize) -> ItemOutcome {
    let op = group.key(index).1;
    match (is_success, op, body.status) {
        (true, Op::Delete, 200) => ItemOutcome::Deleted,
        (true, Op::Index | Op::Update | Op::Upsert, 200) => ItemOutcome::Updated,
        (true, Op::Create | Op::CreateOrIgnore | Op::Index | Op::Update | Op::Upsert, 201) => ItemOutcome::Created,
        (false, Op::Delete, 404) => ItemOutcome::NotFound,
        (false, Op::Create | Op::CreateOrIgnore, 409) if !is_conditional(&group.get(index)) => ItemOutcome::Exists,
        (false, _, 400..) => {
            let error = body.error.map_or_else(ServerError::default, parse_error);
            failure(&error, body.status, &group.get(index))
        }
        _ => ItemOutcome::Unclear(format!("unexpected status {}", body.status)),
    }
}
