//! Requests that carry no documents: questions and orders to a server, sent again until they are answered. Each of them
//! can be made twice without harm. Also the words for a server that cannot be spoken to at all.

use super::sleep_unless_stopped;
use crate::error::{hint, refused};
use crate::retry::{Backoff, Retries, Why};
use crate::sink::http::{Http, Request, Response, SendError};
use crate::sink::wanted::Wanted;
use crate::stop::Stop;
use anyhow::{Error, Result};
use serde_json::Value;
use std::time::Duration;

/// The form of a server's own errors.
#[derive(Debug)]
pub struct ErrorFormat {
    /// What an answer that is no success says, if it is in that form.
    pub error_text: fn(&Response) -> Option<String>,
    /// Whether it asks to come again by more than its status.
    pub is_busy: fn(&Response) -> bool,
}

/// A way to a server for its administration.
pub struct AdminClient<'h> {
    /// How it is reached.
    pub http: &'h mut Http,
    /// How often it is asked.
    pub retries: Retries,
    /// What ends the run.
    pub stop: Stop,
    /// The form of its errors.
    pub error_format: &'static ErrorFormat,
}

/// The longest that a server may take to answer the first question.
pub const FIRST_TIMEOUT: Duration = Duration::from_secs(10);

impl<'h> AdminClient<'h> {
    /// A way that waits as long as a run asks for.
    pub fn new(
        http: &'h mut Http,
        wanted: &Wanted,
        stop: &Stop,
        error_format: &'static ErrorFormat,
    ) -> AdminClient<'h> {
        AdminClient { http, retries: wanted.retries, stop: stop.clone(), error_format }
    }

    /// Asks the first question: a wrong address is an error at once, what goes away later is waited for. `known` looks at each
    /// answer, also at that of a server that is busy.
    ///
    /// # Errors
    /// When there is no answer, or none of the server that is meant.
    pub fn send_first(
        &mut self,
        call: &Request,
        nodes: usize,
        known: impl Fn(&Response) -> Result<()>,
    ) -> Result<Response> {
        let mut wait = Backoff::new(self.retries);
        let mut silent = 0;
        loop {
            match self.http.send(call.clone()) {
                Ok(reply) => {
                    known(&reply)?;
                    if !self.is_busy(&reply) {
                        return Ok(reply);
                    }
                    self.pause(&mut wait, Why::Busy, self.error_text(&reply), reply.retry_after)?;
                }
                Err(reply) => {
                    silent += 1;
                    if matches!(reply, SendError::NotSent { .. }) || silent >= nodes || self.stop.asked() {
                        return Err(no_response(&reply));
                    }
                }
            }
        }
    }

    /// Asks until there is an answer that is neither busy nor lost.
    ///
    /// # Errors
    /// When there is none.
    pub fn send(&mut self, call: &Request) -> Result<Response> {
        let mut wait = Backoff::new(self.retries);
        loop {
            let (why, text, asked) = match self.http.send(call.clone()) {
                Ok(reply) if !self.is_busy(&reply) => return Ok(reply),
                Ok(reply) => (Why::Busy, self.error_text(&reply), reply.retry_after),
                Err(SendError::NotSent { why, hopeless: true }) => return Err(refused(why)),
                Err(reply) => (Why::Away, reply.reason().to_owned(), None),
            };
            self.pause(&mut wait, why, text, asked)?;
        }
    }

    fn pause(&self, wait: &mut Backoff, why: Why, text: String, asked: Option<Duration>) -> Result<()> {
        let pause = wait.next(why, asked).map_err(|used_up| refused(format!("{text} ({used_up})")))?;
        self.sleep(pause).then_some(()).ok_or_else(|| refused(text))
    }

    /// Asks, and takes nothing but success for an answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn send_ok(&mut self, call: &Request) -> Result<Value> {
        let reply = self.send(call)?;
        if !reply.is_success() {
            return Err(refused(self.error_text(&reply)));
        }
        Ok(serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// False if the run is asked to stop.
    pub fn sleep(&self, pause: Duration) -> bool {
        sleep_unless_stopped(pause, &self.stop)
    }

    fn is_busy(&self, reply: &Response) -> bool {
        reply.is_busy() || (self.error_format.is_busy)(reply)
    }

    /// What an answer that is no success says.
    pub fn error_text(&self, reply: &Response) -> String {
        self.error_format.error_text(reply)
    }
}

impl ErrorFormat {
    /// What an answer that is no success says.
    pub fn error_text(&self, reply: &Response) -> String {
        (self.error_text)(reply).unwrap_or_else(|| reply.summary())
    }

    /// A server that does not know us.
    pub fn login_error(&self, reply: &Response) -> Error {
        let advice = "check the user and the password (`--user`, `--password-file`), or the key (`--api-key-file`, `--bearer-file`)";
        refused(format!("{}; nothing was sent", self.error_text(reply))).context(hint(advice))
    }
}

/// A server that did not answer the first question.
pub fn no_response(reply: &SendError) -> Error {
    match reply {
        SendError::NotSent { why, .. } => unreachable(why),
        SendError::NoResponse(why) => unclear(why),
    }
}

fn unclear(why: &str) -> Error {
    let like_tls = ["closed before", "reset", "invalid HTTP version"];
    let error = refused(format!("{why}; nothing was sent"));
    match why.starts_with("http://") && like_tls.iter().any(|words| why.contains(words)) {
        true => error.context(hint("if the server speaks TLS, write `https` in place of `http`")),
        false => error,
    }
}

/// A server to which there is no connection.
fn unreachable(why: &str) -> Error {
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
