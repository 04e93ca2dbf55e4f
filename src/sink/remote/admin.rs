//! Requests without documents, retried until there is a response. All of them are idempotent. Also the messages for a
//! server that cannot be reached at all.

use super::answer::{Retry, response_or_retry};
use super::sleep_unless_stopped;
use crate::error::{self, Hint, hint, refused};
use crate::retry::{Backoff, Retries};
use crate::sink::http::{Http, Request, Response, SendError, host_behind_proxy};
use crate::sink::wanted::Wanted;
use crate::stop::Stop;
use anyhow::{Error, Result};
use serde_json::Value;
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

/// The maximum time for the response to a question that only improves a message.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);

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
            let sent = self.http.send(request.clone());
            match &sent {
                Ok(response) => check(response)?,
                Err(error) => {
                    failures += 1;
                    if matches!(error, SendError::NotSent { .. }) || failures >= nodes || self.stop.is_requested() {
                        return Err(no_response(error));
                    }
                    continue;
                }
            }
            match response_or_retry(sent, |response| self.busy(response)) {
                Ok(response) => return Ok(response),
                Err(retry) => self.pause(&mut wait, retry)?,
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
            let sent = self.http.send(request.clone());
            match response_or_retry(sent, |response| self.busy(response)) {
                Ok(response) => return Ok(response),
                Err(retry) => self.pause(&mut wait, retry)?,
            }
        }
    }

    fn pause(&self, wait: &mut Backoff, Retry { why, asked, text }: Retry) -> Result<()> {
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

    /// What a server says that is too busy for a request.
    fn busy(&self, response: &Response) -> Option<String> {
        let is_busy = response.is_busy() || (self.errors.is_busy)(response);
        is_busy.then(|| self.errors.error_text(response))
    }
}

/// The error for a server of another kind, with a hint that names that if it is known; otherwise with this hint.
pub fn other_server(http: &mut Http, wanted: &Wanted, error: Error, otherwise: Option<&'static str>) -> Error {
    let request = Request { timeout: Some(QUESTION_TIMEOUT), ..Request::get("/") };
    let other = http.send_with(request, None).ok().and_then(|response| (wanted.identify)(&response));
    let named = other.map(|other| format!("{}: {}", error::message(&other), error::hints(&other).join(", ")));
    match named.or(otherwise.map(str::to_owned)) {
        Some(advice) => error.context(hint(advice)),
        None => error,
    }
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

/// How a response that is not HTTP is called.
const NOT_HTTP: [&str; 3] =
    ["received unexpected message from connection", "invalid HTTP version parsed", "invalid HTTP header parsed"];

fn connection_lost(why: &str) -> Error {
    let like_tls = ["closed before", "reset", "invalid HTTP version"];
    let not_http = NOT_HTTP.iter().find_map(|words| why.strip_suffix(words));
    let shown = not_http.map_or_else(|| why.to_owned(), |node| format!("{node}the answer is not HTTP"));
    let error = refused(format!("{shown}; nothing was sent"));
    if let Some(host) = host_behind_proxy(why) {
        return error.context(around_proxy(&host));
    }
    match why.starts_with("http://") && like_tls.iter().any(|words| why.contains(words)) {
        true => error.context(hint("if the server speaks TLS, write `https` in place of `http`")),
        false => error,
    }
}

fn no_connection(why: &str) -> Error {
    let lower = why.to_ascii_lowercase();
    let error = refused(format!("cannot connect to {why}; nothing was sent"));
    let advice = if lower.contains("causedasendentity") {
        "the server shows the certificate of an authority; `--cacert FILE` with that very certificate trusts it"
    } else if lower.contains("--cert-fingerprint") {
        return error;
    } else if lower.contains("certificate") || lower.contains("unknownissuer") {
        "`--cacert FILE` trusts the server's own authority; `--insecure` trusts anybody"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "the server does not speak TLS here: write `http` in place of `https`"
    } else if let Some(host) = host_behind_proxy(why) {
        return error.context(around_proxy(&host));
    } else {
        return error;
    };
    error.context(hint(advice))
}

/// The hint for a proxy that may be in the way.
fn around_proxy(host: &str) -> Hint {
    hint(format!("`NO_PROXY={host}` goes past the proxy"))
}
