//! Reads answers of `bulk:import`: two lists (Kuzzle 2), or the items that were carried out beside an error with those that
//! were not (Kuzzle 1). Nothing is taken for success that does not name its key, and an answer that does not account for
//! every action is none (contract of Kuzzle, 1.5, 1.7 and 1.10).

use super::Import;
use crate::action::Op;
use crate::record::Reason;
use crate::sink::ItemDetails;
use crate::sink::bulk_api::{Item, Named, ServerError, culprit, error_of, failed, is_conditional, verb};
use crate::sink::http::Reply;
use crate::sink::remote::admin::Dialect;
use crate::sink::remote::{Answer, Group, ItemOutcome, ItemResult};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// An answer, or the bare error of one that never reached the API.
#[derive(Deserialize)]
struct Envelope<'a> {
    error: Option<Fault>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    id: Option<String>,
    message: Option<String>,
}

/// Kuzzle's error.
#[derive(Deserialize)]
pub(super) struct Fault {
    /// `services.storage.unknown_index`.
    id: Option<String>,
    /// Its sentence.
    message: Option<String>,
    /// The actions that failed, in a form of their own in each version.
    errors: Option<Box<RawValue>>,
}

/// A failure as Kuzzle 1 shows it.
#[derive(Deserialize)]
struct Flat<'a> {
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
    successes: Vec<Named<'a>>,
    errors: Vec<Named<'a>>,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: Vec<Named<'a>>,
}

/// The error in an answer.
pub(super) fn fault_of(reply: &Reply) -> Option<Fault> {
    let Envelope { error, id, message, .. } = serde_json::from_slice(&reply.body).ok()?;
    match error {
        // An error that says neither is another server's.
        Some(fault) => (fault.id.is_some() || fault.message.is_some()).then_some(fault),
        None => message.is_some().then_some(Fault { id, message, errors: None }),
    }
}

/// Whether an answer is in Kuzzle's envelope, whatever was asked.
pub(super) fn is_kuzzle(reply: &Reply) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    body.is_some_and(|body| body.get("requestId").is_some() && body.get("volatile").is_some())
}

impl Fault {
    /// Its id; `error` where there is none.
    pub(super) fn id(&self) -> &str {
        self.id.as_deref().filter(|id| !id.is_empty()).unwrap_or("error")
    }

    /// Whether it is an exception of JavaScript's, seen for documents that are nested thousands of levels deep.
    fn is_exception(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        ["Maximum call stack size exceeded", "Invalid string length", "Cannot "]
            .iter()
            .any(|text| message.starts_with(text))
    }

    fn reason(&self) -> Reason {
        // Kuzzle quotes what it was sent.
        let message = self.message.as_deref().unwrap_or_default();
        let line: String = message.split(char::is_control).collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(300).collect();
        Reason::new(self.id().to_owned(), format!("{}: {short}", self.id()))
    }
}

/// The form of its errors.
pub(super) static DIALECT: Dialect = Dialect { said, is_busy: |_| false };

fn said(reply: &Reply) -> Option<String> {
    let fault = fault_of(reply)?;
    let message = fault.message.as_deref().filter(|message| !message.is_empty())?;
    Some(format!("{}: {message}", fault.id()))
}

/// What refuses a request because of its size.
const LIMIT: &str = "Kuzzle (server.maxRequestSize, 1 MB if it is not set)";

/// What a reply to an import means.
pub(super) fn read(import: &Import, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
    if matches!(reply.status, 200 | 206) {
        return items(import, group, reply, detail).map_or_else(Answer::Lost, |told| Answer::Items(told.into()));
    }
    let Some(fault) = fault_of(reply) else { return of_another(group, reply) };
    let reason = fault.reason();
    match (reply.status, fault.id()) {
        (400, id) => Answer::Refused {
            culprit: culprit(group, &reason.text),
            // New storages carry out what comes before a line that they cannot read.
            perhaps_done: group.len() > 1 && id == "services.storage.unexpected_bad_request",
            reason,
        },
        (401 | 403 | 404 | 407 | 412, _) => Answer::Closed(closed(import, reply.status, &fault)),
        (413, _) => Answer::TooLarge(group.too_large(LIMIT)),
        (429, _) => Answer::Busy(reason.text),
        (503, id) if id.starts_with("api.process.") => Answer::Busy(reason.text),
        // The token could not be checked: nothing was done.
        (500, "security.token.verification_error") => Answer::Busy(reason.text),
        // Kuzzle itself could not cope with one of the documents.
        (500, id) if id.starts_with("services.storage.") && fault.is_exception() => {
            Answer::Refused { culprit: None, perhaps_done: true, reason }
        }
        // The storage did not answer Kuzzle, and may have carried it out.
        (500, id) if id.starts_with("services.storage.") || id.starts_with("core.fatal.") => Answer::Lost(reason.text),
        (500, _) => Answer::Refused { culprit: None, perhaps_done: true, reason },
        _ => Answer::Lost(reason.text),
    }
}

/// What an answer means that is not Kuzzle's own.
fn of_another(group: Group<'_>, reply: &Reply) -> Answer {
    let text = reply.page();
    match reply.status {
        300..=399 => Answer::Closed(reply.redirect()),
        400 => Answer::Refused { culprit: None, perhaps_done: false, reason: Reason::new("status_400", text) },
        401..=407 | 410 | 412 => Answer::Closed(format!("{text}; is this the address of Kuzzle?")),
        413 => Answer::TooLarge(group.too_large(LIMIT)),
        429 => Answer::Busy(text),
        _ => Answer::Lost(text),
    }
}

/// What an operator has to do.
pub(super) fn closed(import: &Import, status: u16, fault: &Fault) -> String {
    let text = fault.reason().text.trim_end_matches(['.', ' ']).to_owned();
    match (status, fault.id()) {
        (401, "plugin.strategy.missing_user") => format!("{text}; check --user and the password"),
        (401, id) if id.starts_with("security.token.") => {
            format!("{text}; the token is invalid or has expired; --user logs in, and again when its token expires")
        }
        (401, _) => format!("{text}; log in with --user, or give a token with --bearer-file or --api-key-file"),
        (403, _) => format!("{text}; the user needs the right to bulk:import into {}", import.place()),
        (404, "services.storage.not_found") => format!("{text}; was the API key deleted?"),
        (404, _) => format!("{text}; is this the address of Kuzzle?"),
        (412, _) => format!("{text}; --create-collection creates the index and the collection"),
        _ => text,
    }
}

/// What the entries of an answer say of the actions, paired by their keys; the error says why it is no answer.
fn items(import: &Import, group: Group<'_>, reply: &Reply, detail: bool) -> Result<Vec<ItemResult>, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(&reply.body).map_err(|_| reply.page())?;
    let (done, failed) = entries(&envelope, reply.status).ok_or_else(|| reply.page())?;
    let places: HashMap<&str, usize> = (0..group.len()).map(|place| (group.key(place).0, place)).collect();
    let mut told: Vec<Option<ItemResult>> = (0..group.len()).map(|_| None).collect();
    let done = done.iter().map(|named| (named, true));
    for (Named { op, item }, is_success) in done.chain(failed.iter().map(|named| (named, false))) {
        let id = item.id.as_deref().unwrap_or_default();
        let place = places.get(id).copied().filter(|place| verb(group.key(*place).1) == op);
        let place = place.ok_or_else(|| format!("the answer has an entry for {op} of {id:?}, which was not sent"))?;
        let details = || ItemDetails {
            op: op.to_string(),
            index: import.place(),
            status: item.status,
            error: item.error.map(|raw| raw.get().to_owned()),
            ..ItemDetails::default()
        };
        let new =
            ItemResult { outcome: outcome(item, is_success, group, place), shown: detail.then(|| Box::new(details())) };
        if told[place].replace(new).is_some() {
            return Err(format!("the answer has two entries for {id:?}"));
        }
    }
    let sent = told.len();
    let told: Vec<ItemResult> = told.into_iter().flatten().collect();
    if told.len() != sent {
        return Err(format!("the answer accounts for {} of {sent} actions", told.len()));
    }
    Ok(told)
}

/// The actions of an answer that were carried out, and those that failed.
fn entries<'a>(envelope: &'a Envelope<'a>, status: u16) -> Option<(Vec<Named<'a>>, Vec<Named<'a>>)> {
    let result = envelope.result?.get();
    if let Ok(Lists { successes, errors }) = serde_json::from_str(result) {
        return (envelope.error.is_none() && status == 200).then_some((successes, errors));
    }
    let Items { items } = serde_json::from_str(result).ok()?;
    let (done, mut failed): (Vec<_>, Vec<_>) = items.into_iter().partition(|named| named.item.status < 400);
    if let Some(errors) = envelope.error.as_ref().and_then(|error| error.errors.as_ref()) {
        let flat: Vec<Flat<'_>> = serde_json::from_str(errors.get()).ok()?;
        failed.extend(flat.into_iter().map(|Flat { action: op, id, status, error }| {
            let item = Item { id, status, error, ..Item::default() };
            Named { op, item }
        }));
    }
    Some((done, failed))
}

/// What an item says of its action.
fn outcome(item: &Item<'_>, is_success: bool, group: Group<'_>, place: usize) -> ItemOutcome {
    let op = group.key(place).1;
    match (is_success, op, item.status) {
        (true, Op::Delete, 200) => ItemOutcome::Deleted,
        (true, Op::Index | Op::Update | Op::Upsert, 200) => ItemOutcome::Updated,
        (true, Op::Create | Op::CreateOrIgnore | Op::Index | Op::Update | Op::Upsert, 201) => ItemOutcome::Created,
        (false, Op::Delete, 404) => ItemOutcome::NotFound,
        (false, Op::Create | Op::CreateOrIgnore, 409) if !is_conditional(&group.get(place)) => ItemOutcome::Exists,
        (false, _, 400..) => {
            let error = item.error.map_or_else(ServerError::default, error_of);
            failed(&error, item.status, &group.get(place))
        }
        _ => ItemOutcome::Unclear(format!("unexpected status {}", item.status)),
    }
}
