//! Reads answers of `bulk:import`: two lists (Kuzzle 2), or the items that were carried out beside an error with those that
//! were not (Kuzzle 1). Nothing is taken for success that does not name its key, and an answer that does not account for
//! every action is none (contract of Kuzzle, 1.5, 1.7 and 1.10).

use super::Import;
use crate::action::Op;
use crate::record::Reason;
use crate::sink::ItemDetails;
use crate::sink::bulk_api::{Named, ServerError, culprit, error_of, failed, is_conditional, verb};
use crate::sink::http::Reply;
use crate::sink::remote::admin::Dialect;
use crate::sink::remote::{Answer, Fate, Group, Told};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// An answer, or the bare error of one that never reached the API.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

/// Kuzzle's error.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// `services.storage.unknown_index`; empty where there is none.
    pub(super) id: String,
    /// Its sentence.
    pub(super) message: String,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    /// The actions that failed, in a form of their own in each version.
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

/// A failure as Kuzzle 1 shows it.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, rename = "_id")]
    id: Option<Cow<'a, str>>,
    status: u16,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Lists<'a> {
    #[serde(borrow)]
    successes: Vec<Named<'a>>,
    #[serde(borrow)]
    errors: Vec<Named<'a>>,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: Vec<Named<'a>>,
}

/// One entry of an answer.
struct Entry<'a> {
    op: &'a str,
    id: Option<&'a str>,
    status: u16,
    error: Option<&'a RawValue>,
    is_success: bool,
}

/// The error in an answer.
pub(super) fn fault_of(reply: &Reply) -> Option<Fault> {
    let envelope: Envelope<'_> = serde_json::from_slice(&reply.body).ok()?;
    let owned = |id: Option<Cow<'_, str>>, message: Option<Cow<'_, str>>| Fault {
        id: id.unwrap_or_default().into_owned(),
        message: message.unwrap_or_default().into_owned(),
    };
    match envelope.error {
        Some(raw) => {
            let error: Error<'_> = serde_json::from_str(raw.get()).ok()?;
            // An error that says neither is another server's.
            (error.id.is_some() || error.message.is_some()).then(|| owned(error.id, error.message))
        }
        None if envelope.message.is_some() => Some(owned(envelope.id, envelope.message)),
        None => None,
    }
}

/// Whether an answer is in Kuzzle's envelope, whatever was asked.
pub(super) fn is_kuzzle(reply: &Reply) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    body.is_some_and(|body| body.get("requestId").is_some() && body.get("volatile").is_some())
}

impl Fault {
    /// Whether it is an exception of JavaScript's, seen for documents that are nested thousands of levels deep.
    fn is_exception(&self) -> bool {
        ["Maximum call stack size exceeded", "Invalid string length", "Cannot "]
            .iter()
            .any(|text| self.message.starts_with(text))
    }

    fn reason(&self) -> Reason {
        // Kuzzle quotes what it was sent.
        let line: String = self.message.split(char::is_control).collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(300).collect();
        let kind = if self.id.is_empty() { "error" } else { &self.id };
        Reason::new(Cow::Owned(kind.to_owned()), format!("{kind}: {short}"))
    }
}

/// The form of its errors.
pub(super) static DIALECT: Dialect = Dialect { said, is_busy: |_| false };

fn said(reply: &Reply) -> Option<String> {
    let fault = fault_of(reply).filter(|fault| !fault.message.is_empty())?;
    let id = if fault.id.is_empty() { "error" } else { &fault.id };
    Some(format!("{id}: {}", fault.message))
}

/// What refuses a request because of its size.
const LIMIT: &str = "Kuzzle (server.maxRequestSize, 1 MB if it is not set)";

/// What a reply to an import means.
pub(super) fn read(import: &Import, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
    if matches!(reply.status, 200 | 206) {
        return items(import, group, reply, detail)
            .unwrap_or_else(|why| Answer::Lost(why.unwrap_or_else(|| reply.page())));
    }
    let Some(fault) = fault_of(reply) else { return of_another(group, reply) };
    let reason = fault.reason();
    match (reply.status, fault.id.as_str()) {
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
    match (status, fault.id.as_str()) {
        (401, "plugin.strategy.missing_user") => format!("{text}; check `--user` and the password"),
        (401, id) if id.starts_with("security.token.") => {
            format!("{text}; it is forged or has expired; `--user` logs in, and again when its token expires")
        }
        (401, _) => format!("{text}; log in with `--user`, or give a token with `--bearer-file` or `--api-key-file`"),
        (403, _) => format!("{text}; the user needs the right to bulk:import into {}", import.place()),
        (404, "services.storage.not_found") => format!("{text}; was the API key deleted?"),
        (404, _) => format!("{text}; is this the address of Kuzzle?"),
        (412, _) => format!("{text}; `--create-collection` makes the index and the collection"),
        _ => text,
    }
}

/// Pairs the entries of an answer with the actions by their keys; the error says why it is no answer, if the answer itself
/// does not.
fn items(import: &Import, group: Group<'_>, reply: &Reply, detail: bool) -> Result<Answer, Option<String>> {
    let envelope: Envelope<'_> = serde_json::from_slice(&reply.body).map_err(|_| None)?;
    let result = envelope.result.ok_or(None)?.get();
    let places: HashMap<&str, usize> = (0..group.len()).map(|place| (group.key(place).0, place)).collect();
    let mut told: Vec<Option<Told>> = (0..group.len()).map(|_| None).collect();
    let mut take = |entry: Entry<'_>| -> Result<(), Option<String>> {
        let id = entry.id.unwrap_or_default();
        let place = places.get(id).copied().filter(|place| verb(group.key(*place).1) == entry.op);
        let Some(place) = place else {
            return Err(Some(format!("the answer has an entry for {} of {id:?}, which was not sent", entry.op)));
        };
        let new = Told { fate: fate(&entry, group, place), shown: detail.then(|| shown(import, &entry)) };
        match told[place].replace(new) {
            None => Ok(()),
            Some(_) => Err(Some(format!("the answer has two entries for {id:?}"))),
        }
    };
    let of = |named: &Named<'_>, is_success: bool, take: &mut dyn FnMut(Entry<'_>) -> Result<(), Option<String>>| {
        let item = &named.item;
        take(Entry { op: &named.op, id: item.id.as_deref(), status: item.status, error: item.error, is_success })
    };
    if let Ok(lists) = serde_json::from_str::<Lists<'_>>(result) {
        if envelope.error.is_some() || reply.status != 200 {
            return Err(None);
        }
        for (list, is_success) in [(&lists.successes, true), (&lists.errors, false)] {
            list.iter().try_for_each(|named| of(named, is_success, &mut take))?;
        }
    } else {
        let done: Items<'_> = serde_json::from_str(result).map_err(|_| None)?;
        done.items.iter().try_for_each(|named| of(named, named.item.status < 400, &mut take))?;
        if let Some(raw) = envelope.error {
            let error: Error<'_> = serde_json::from_str(raw.get()).map_err(|_| None)?;
            let failed: Vec<Flat<'_>> =
                serde_json::from_str(error.errors.map_or("[]", RawValue::get)).map_err(|_| None)?;
            for flat in &failed {
                let (op, id) = (&*flat.action, flat.id.as_deref());
                take(Entry { op, id, status: flat.status, error: flat.error, is_success: false })?;
            }
        }
    }
    let sent = told.len();
    let told: Vec<Told> = told.into_iter().flatten().collect();
    if told.len() != sent {
        return Err(Some(format!("the answer accounts for {} of {sent} actions", told.len())));
    }
    Ok(Answer::Items(told.into()))
}

/// What an entry says of its action.
fn fate(entry: &Entry<'_>, group: Group<'_>, place: usize) -> Fate {
    let op = group.key(place).1;
    match (entry.is_success, op, entry.status) {
        (true, Op::Delete, 200) => Fate::Deleted,
        (true, Op::Index | Op::Update | Op::Upsert, 200) => Fate::Updated,
        (true, Op::Create | Op::CreateOrIgnore | Op::Index | Op::Update | Op::Upsert, 201) => Fate::Created,
        (false, Op::Delete, 404) => Fate::NotFound,
        (false, Op::Create | Op::CreateOrIgnore, 409) if !is_conditional(&group.get(place)) => Fate::Exists,
        (false, _, 400..) => {
            let error = entry.error.map_or_else(ServerError::default, error_of);
            failed(&error, entry.status, &group.get(place))
        }
        _ => Fate::Untold(format!("Kuzzle answers with status {}", entry.status)),
    }
}

fn shown(import: &Import, entry: &Entry<'_>) -> Box<ItemDetails> {
    Box::new(ItemDetails {
        op: entry.op.to_owned(),
        index: import.place(),
        status: entry.status,
        error: entry.error.map(|raw| raw.get().to_owned()),
        ..ItemDetails::default()
    })
}
