//! Requests that change nothing are sent until there is a response.

use crate::retry::RetryReason;
use crate::sink::http::{Response, SendError, SendResult};
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
        Ok(response) => match busy(&response) {
            Some(text) => Err(Retry { why: RetryReason::Busy, asked: response.retry_after, text }),
            None => Ok(response),
        },
        Err(SendError::NotSent { why: text, hopeless: true }) => {
            Err(Retry { why: RetryReason::Hopeless, asked: None, text })
        }
        Err(error) => Err(Retry { why: RetryReason::Unreachable, asked: None, text: error.reason().to_owned() }),
    }
}
