//! Requests that change nothing are sent until there is a response.

use crate::retry::RetryReason;
use crate::sink::http::{Response, SendError, SendResult};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// Why a request is sent again.
pub struct Retry {
    /// Decides how long to wait.
    pub why: RetryReason,
    /// The pause that the server asked for.
    pub asked: Option<Duration>,
    /// What happened, for a person.
    pub text: String,
}

/// The response to a request that changes nothing, or why it is sent again. `busy` says whether a response asks for that,
/// and with which text.
///
/// # Errors
/// When there is no response, or the server is busy.
pub fn response_or_retry(
    result: SendResult,
    busy: impl FnOnce(&Response) -> Option<String>,
) -> Result<Response, Retry> {
    match result {
        Ok(response) if denies_itself(&response) => {
            let text = format!("the answer contradicts itself: {}", response.summary());
            Err(Retry { why: RetryReason::Unreachable, asked: None, text })
        }
        Ok(response) => match busy(&response) {
            Some(text) => Err(Retry { why: RetryReason::Busy, asked: response.retry_after, text }),
            None => Ok(response),
        },
        Err(SendError::NotSent { why: text, hopeless: true } | SendError::TooLong(text)) => {
            Err(Retry { why: RetryReason::Hopeless, asked: None, text })
        }
        Err(error) => Err(Retry { why: RetryReason::Unreachable, asked: None, text: error.reason().to_owned() }),
    }
}

/// The fields in which servers repeat their status.
#[derive(Deserialize)]
struct Envelope<'a> {
    status: Option<u16>,
    code: Option<u16>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Whether a response with a status of success reports a failure in its body. It is not believed. Elasticsearch returns
/// the error of a task with 200, and the description of an index may be under the name `error`.
pub fn denies_itself(response: &Response) -> bool {
    let envelope: Option<Envelope<'_>> = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success());
    envelope.is_some_and(|Envelope { status, code, error }| {
        let is_failure = |status: Option<u16>| status.is_some_and(|status| status >= 400);
        let has_message = |error: &RawValue| {
            let fields: Option<KuzzleError<'_>> = serde_json::from_str(error.get()).ok();
            error.get() == "true" || fields.is_some_and(|fields| fields.message.is_some())
        };
        is_failure(status) || is_failure(code) || error.is_some_and(has_message)
    })
}

/// An error of Kuzzle; those of Elasticsearch have a reason.
#[derive(Deserialize)]
struct KuzzleError<'a> {
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}
