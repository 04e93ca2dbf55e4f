//! Requests without documents, retried until there is a response. All of them are idempotent. Also the messages for a
//! server that cannot be reached at all.

use super::sleep_unless_stopped;
use crate::error::{hint, refused};
use crate::retry::{Backoff, Retries, RetryReason};
use crate::sink::http::{Http, Request, Response, SendError};
use crate::sink::wanted::Wanted;
use crate::stop::Stop;
use anyhow::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// How a server reports its errors.
#[derive(Debug)]
pub struct ErrorFormat {
    /// The message in a response, if it is in the server's own form.
    pub error_text: fn(&Response) -> Option<String>,
    /// Whether a response asks for a retry by more than its status.
    pub is_busy: fn(&Response) -> bool,
}

/// A client for administrative requests.
pub struct AdminClient<'h> {
    /// The connection.
    pub http: &'h mut Http,
    /// The number of retries.
    pub retries: Retries,
    /// The signal that ends the run.
    pub stop: Stop,
    /// How the server reports its errors.
    pub errors: &'static ErrorFormat,
}

/// The maximum time for the response to the first request.
pub const FIRST_TIMEOUT: Duration = Duration::from_secs(10);

impl<'h> AdminClient<'h> {
    /// Makes a client with the retries of the run.
    pub fn new(http: &'h mut Http, wanted: &Wanted, stop: &Stop, errors: &'static ErrorFormat) -> AdminClient<'h> {
        AdminClient { http, retries: wanted.retries, stop: stop.clone(), errors }
    }

    /// Sends the first request. Here a wrong address is an error at once; only a busy server is waited for. `check` looks
    /// at each response, also at that of a busy server.
    ///
    /// # Errors
    /// When there is no response, or `check` fails.
    pub fn send_first(
        &mut self,
        request: &Request,
        nodes: usize,
        check: impl Fn(&Response) -> Result<()>,
    ) -> Result<Response> {
        let mut wait = Backoff::new(self.retries);
        let mut failures = 0;
        loop {
            match self.http.send(request.clone()) {
                Ok(response) => {
                    check(&response)?;
                    if !self.is_busy(&response) {
                        return Ok(response);
                    }
                    self.pause(&mut wait, RetryReason::Busy, self.errors.error_text(&response), response.retry_after)?;
                }
                Err(error) => {
                    failures += 1;
                    if matches!(error, SendError::NotSent { .. }) || failures >= nodes || self.stop.is_requested() {
                        return Err(no_response(&error));
                    }
                }
            }
        }
    }

    /// Sends a request until there is a response and the server is not busy.
    ///
    /// # Errors
    /// When the retries are used up.
    pub fn send(&mut self, request: &Request) -> Result<Response> {
        let mut wait = Backoff::new(self.retries);
        loop {
            let (why, text, asked) = match self.http.send(request.clone()) {
                Ok(response) if denies_itself(&response) => {
                    (RetryReason::Unreachable, format!("the answer contradicts itself: {}", response.summary()), None)
                }
                Ok(response) if !self.is_busy(&response) => return Ok(response),
                Ok(response) => (RetryReason::Busy, self.errors.error_text(&response), response.retry_after),
                Err(SendError::NotSent { why, hopeless: true } | SendError::TooLong(why)) => return Err(refused(why)),
                Err(error) => (RetryReason::Unreachable, error.reason().to_owned(), None),
            };
            self.pause(&mut wait, why, text, asked)?;
        }
    }

    fn pause(&self, wait: &mut Backoff, why: RetryReason, text: String, asked: Option<Duration>) -> Result<()> {
        let pause = wait.next(why, asked).map_err(|used_up| refused(format!("{text} ({used_up})")))?;
        sleep_unless_stopped(pause, &self.stop).then_some(()).ok_or_else(|| refused(text))
    }

    /// Sends a request that must succeed, and reads the body of the response.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn send_ok(&mut self, request: &Request) -> Result<Value> {
        let response = self.send(request)?;
        if !response.is_success() {
            return Err(refused(self.errors.error_text(&response)));
        }
        Ok(serde_json::from_slice(&response.body).unwrap_or(Value::Null))
    }

    fn is_busy(&self, response: &Response) -> bool {
        response.is_busy() || (self.errors.is_busy)(response)
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

impl ErrorFormat {
    /// The message in a response that is an error.
    pub fn error_text(&self, response: &Response) -> String {
        (self.error_text)(response).unwrap_or_else(|| response.summary())
    }

    /// The error when the server rejects the login.
    pub fn login_error(&self, response: &Response) -> Error {
        let advice = "check the user and the password (`--user`, `--password-file`), or the key (`--api-key-file`, `--bearer-file`)";
        refused(format!("{}; nothing was sent", self.error_text(response))).context(hint(advice))
    }
}

/// The error when there is no response to the first request.
pub fn no_response(error: &SendError) -> Error {
    match error {
        SendError::NotSent { why, .. } => no_connection(why),
        SendError::NoResponse(why) => connection_lost(why),
        SendError::TooLong(why) => refused(format!("{why}; nothing was sent")),
    }
}

fn connection_lost(why: &str) -> Error {
    let like_tls = ["closed before", "reset", "invalid HTTP version"];
    let error = refused(format!("{why}; nothing was sent"));
    match why.starts_with("http://") && like_tls.iter().any(|words| why.contains(words)) {
        true => error.context(hint("if the server speaks TLS, write `https` in place of `http`")),
        false => error,
    }
}

fn no_connection(why: &str) -> Error {
    let lower = why.to_ascii_lowercase();
    let error = refused(format!("cannot connect to {why}; nothing was sent"));
    let advice = if lower.contains("causedasendentity") {
        "the server shows the certificate of an authority, not one that an authority has signed; `--insecure` trusts anybody"
    } else if lower.contains("certificate") || lower.contains("unknownissuer") {
        "`--cacert FILE` trusts the server's own authority; `--insecure` trusts anybody"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "the server does not speak TLS here: write `http` in place of `https`"
    } else {
        return error;
    };
    error.context(hint(advice))
}
