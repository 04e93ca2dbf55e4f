//! Reads answers: what a status means for the whole request, and which API's form the body has.

use super::errors::forbidden;
use super::{Collection, counts, each, errors};
use crate::record::Reason;
use crate::sink::http::Reply;
use crate::sink::remote::admin::Dialect;
use crate::sink::remote::{Answer, Group, ItemOutcomes};
use serde::Deserialize;

/// An error of the server's own.
#[derive(Debug, Deserialize)]
pub(super) struct ServerError {
    #[serde(rename = "errorNum")]
    pub(super) number: u32,
    #[serde(rename = "errorMessage", default)]
    pub(super) message: String,
}

impl ServerError {
    /// The error in a whole answer, if it is one of ArangoDB's.
    pub(super) fn of(reply: &Reply) -> Option<ServerError> {
        serde_json::from_slice(&reply.body).ok()
    }

    /// The number of the error in a whole answer; 0 if there is none.
    pub(super) fn number_in(reply: &Reply) -> u32 {
        ServerError::of(reply).map_or(0, |error| error.number)
    }

    /// It in a person's words.
    pub(super) fn text(&self) -> String {
        format!("{} ({})", self.message, self.number)
    }
}

/// Whether ArangoDB gave this answer to `GET /`.
pub(super) fn is_arangodb(reply: &Reply) -> bool {
    matches!(reply.status, 200 | 400 | 404) && ServerError::of(reply).is_some()
}

/// The form of its errors: its queue may be longer than a header of the user's allows.
pub(super) static DIALECT: Dialect = Dialect {
    said: |reply| ServerError::of(reply).map(|error| error.message).filter(|message| !message.is_empty()),
    is_busy: |reply| reply.status == 412 && ServerError::of(reply).is_some_and(|error| error.number == 21004),
};

/// What a reply means.
pub(super) fn read(collection: &Collection, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
    if matches!(reply.status, 200..=202) {
        let told = match collection.answers_each(group) {
            true => each::read(collection, group, reply, detail).map(ItemOutcomes::from),
            false => counts::read(group, reply),
        };
        return told.map_or_else(Answer::Lost, Answer::Items);
    }
    let error = ServerError::of(reply);
    let number = error.as_ref().map_or(0, |error| error.number);
    let text = error.as_ref().map_or_else(|| reply.page(), ServerError::text);
    let message = error.as_ref().map_or("", |error| &error.message);
    let refused = |perhaps_done, reason| Answer::Refused { culprit: None, perhaps_done, reason };
    match (reply.status, number) {
        (300..=399, _) => Answer::Closed(reply.redirect()),
        (401, _) => Answer::Closed(format!("{text}; check the user and the password, or the token")),
        (403, 32) if group.len() > 1 => Answer::TooLarge(text),
        (403, 32) => Answer::Busy(text),
        (403, _) => Answer::Closed(forbidden(&text)),
        (404, 1203) => Answer::Closed(format!("{text}; --create-collection creates it")),
        (404 | 405 | 410 | 501, _) => Answer::Closed(format!("{text}; is this the address of a database?")),
        (407, _) => Answer::Closed(format!("{text}; the proxy requires a login")),
        (413, _) => Answer::TooLarge(group.too_large("the server, or for a proxy")),
        // Not begun: another transaction was in the way, the queue is full, or waiting in it would take too long.
        (409, 1200) | (412, 21004) | (503, 21003) | (429, _) => Answer::Busy(text),
        // The body could not be read, so nothing was done.
        (400 | 412, _) if error.is_some() => refused(false, errors::reason(number, message)),
        (400, _) => refused(false, Reason::new("status_400", text)),
        // Large requests are committed in parts, so a part may be stored.
        (409 | 500, _) if error.is_some() => refused(true, errors::reason(number, message)),
        _ => Answer::Lost(text),
    }
}
