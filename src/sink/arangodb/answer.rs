//! Interprets responses: the status of the whole request, then the body of the API that was used.

use super::errors::{READ_ONLY, forbidden, read_only};
use super::{Collection, counts, each, errors};
use crate::record::Reason;
use crate::sink::http::Response;
use crate::sink::remote::admin::ErrorFormat;
use crate::sink::remote::{Group, ItemOutcomes, Verdict};
use serde::Deserialize;

/// An error in the server's format.
#[derive(Debug, Deserialize)]
pub(super) struct ServerError {
    #[serde(rename = "errorNum")]
    pub(super) number: u32,
    #[serde(rename = "errorMessage", default)]
    pub(super) message: String,
}

impl ServerError {
    /// The error in a response, if it has ArangoDB's format.
    pub(super) fn of(reply: &Response) -> Option<ServerError> {
        serde_json::from_slice(&reply.body).ok()
    }

    /// The number of the error in a response; 0 if there is none.
    pub(super) fn number_in(reply: &Response) -> u32 {
        ServerError::of(reply).map_or(0, |error| error.number)
    }

    /// The message with its number.
    pub(super) fn text(&self) -> String {
        format!("{} ({})", self.message, self.number)
    }
}

/// Whether a response to `GET /` is from ArangoDB.
pub(super) fn is_arangodb(reply: &Response) -> bool {
    matches!(reply.status, 200 | 400 | 404) && ServerError::of(reply).is_some()
}

/// The format of its errors. 21004: the queue is longer than a header of the user's allows.
pub(super) static ERRORS: ErrorFormat = ErrorFormat {
    error_text: |reply| ServerError::of(reply).map(|error| error.message).filter(|message| !message.is_empty()),
    is_busy: |reply| reply.status == 412 && ServerError::of(reply).is_some_and(|error| error.number == 21004),
};

/// Interprets a response.
pub(super) fn read(collection: &Collection, group: Group<'_>, reply: &Response, detail: bool) -> Verdict {
    if matches!(reply.status, 200..=202) {
        let outcomes = match collection.answers_each(group) {
            true => each::read(collection, group, reply, detail).map(ItemOutcomes::from),
            false => counts::read(group, reply),
        };
        return outcomes.map_or_else(Verdict::Unclear, Verdict::Items);
    }
    let error = ServerError::of(reply);
    let number = error.as_ref().map_or(0, |error| error.number);
    let text = error.as_ref().map_or_else(|| reply.summary(), ServerError::text);
    let message = error.as_ref().map_or("", |error| &error.message);
    let refused = |perhaps_done, reason| Verdict::Refused { culprit: None, perhaps_done, reason };
    match (reply.status, number) {
        (300..=399, _) => Verdict::Fatal(reply.redirect_message()),
        (401, _) => Verdict::Fatal(format!("{text}; check the user and the password, or the token")),
        (403, 32) if group.len() > 1 => Verdict::TooLarge(text),
        (403, 32) => Verdict::Busy(text),
        (403, READ_ONLY) => Verdict::Fatal(read_only(&text).message()),
        (403, _) => Verdict::Fatal(forbidden(&text)),
        (404, 1203) => Verdict::Fatal(format!("{text}; --create-collection creates it")),
        (404 | 405 | 410 | 501, _) => Verdict::Fatal(format!("{text}; is this the address of a database?")),
        (407, _) => Verdict::Fatal(format!("{text}; the proxy requires a login")),
        (413, _) => Verdict::TooLarge(group.too_large("the server, or for a proxy")),
        // Not executed: a conflict with another transaction, a full queue, or too long a wait in it.
        (409, 1200) | (412, 21004) | (503, 21003) | (429, _) => Verdict::Busy(text),
        // The body could not be parsed, so nothing was executed.
        (400 | 412, _) if error.is_some() => refused(false, errors::reason(number, message)),
        (400, _) => refused(false, Reason::new("status_400", text)),
        // Large requests are committed in parts, so some documents may be stored.
        (409 | 500, _) if error.is_some() => refused(true, errors::reason(number, message)),
        _ => Verdict::Unclear(text),
    }
}
