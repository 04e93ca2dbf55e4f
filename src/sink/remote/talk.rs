//! Requests that carry no documents: questions and orders to a server, tried again until they are answered. Each of them
//! can be made twice without harm. Also the words for a server that cannot be spoken to at all.

use super::{nap, sentence};
use crate::error::refused;
use crate::retry::{Retries, Wait, Why};
use crate::sink::http::{Call, Http, NoReply, Reply};
use crate::stop::Stop;
use anyhow::Result;
use serde_json::Value;
use std::time::Duration;

/// A way to a server that is patient.
pub struct Talk<'h> {
    /// How it is reached.
    pub http: &'h mut Http,
    /// How often it is asked.
    pub retries: Retries,
    /// What ends the run.
    pub stop: Stop,
}

impl Talk<'_> {
    /// Asks until there is an answer that is neither busy nor lost.
    ///
    /// # Errors
    /// When there is none; one sentence.
    pub fn ask(&mut self, call: impl Fn() -> Call) -> Result<Reply> {
        let mut wait = Wait::new(self.retries);
        loop {
            let (why, text, asked) = match self.http.send(call()) {
                Ok(reply) if !is_busy(&reply) => return Ok(reply),
                Ok(reply) => (Why::Busy, said(&reply), reply.retry_after),
                Err(NoReply::NotSent { why, hopeless: true }) => return Err(refused(why)),
                Err(reply) => (Why::Away, sentence(&reply).to_owned(), None),
            };
            let pause = wait.next(why, asked).map_err(|used_up| refused(format!("{text} ({used_up})")))?;
            self.sleep(pause).then_some(()).ok_or_else(|| refused(text))?;
        }
    }

    /// Asks, and takes nothing but success for an answer.
    ///
    /// # Errors
    /// When there is none; one sentence.
    pub fn order(&mut self, call: impl Fn() -> Call) -> Result<Value> {
        let reply = self.ask(call)?;
        if !reply.is_success() {
            return Err(refused(said(&reply)));
        }
        Ok(serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// False if the run is asked to stop.
    pub fn sleep(&self, pause: Duration) -> bool {
        nap(pause, &self.stop)
    }
}

/// Whether a server, or a gateway before it, asks to come again: ArangoDB answers 412 when its queue is longer than a header
/// of the user's allows.
pub fn is_busy(reply: &Reply) -> bool {
    let is_queue = || {
        let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
        body.is_some_and(|body| body.get("errorNum").and_then(Value::as_u64) == Some(21004))
    };
    matches!(reply.status, 429 | 502..=504) || (reply.status == 412 && is_queue())
}

/// What an answer that is no success says, whichever server it is.
pub fn said(reply: &Reply) -> String {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let error = body.as_ref().and_then(|body| body.get("error"));
    // Kuzzle's error is the whole body when the request never reached its API.
    let bare = body.as_ref().filter(|body| body.get("code").is_some());
    let member = |name: &str| error.filter(|error| error.is_object()).or(bare)?.get(name)?.as_str();
    let message = body.as_ref().and_then(|body| body.get("errorMessage")).and_then(Value::as_str);
    match (member("type"), member("reason"), error.and_then(Value::as_str).or(message)) {
        (Some(kind), Some(reason), _) => format!("{kind}: {reason}"),
        _ if member("message").is_some() => {
            format!("{}: {}", member("id").unwrap_or("error"), member("message").unwrap_or_default())
        }
        (_, _, Some(text)) => text.to_owned(),
        _ => reply.page(),
    }
}

/// A server that did not answer the first question.
pub fn unclear(why: &str) -> String {
    let like_tls = ["closed before", "reset", "invalid HTTP version"];
    let plain = why.starts_with("http://") && like_tls.iter().any(|words| why.contains(words));
    let hint = if plain { "\nhint: if the server speaks TLS, write `https` in place of `http`" } else { "" };
    format!("{why}; nothing was sent{hint}")
}

/// A server to which there is no connection.
pub fn unreachable(why: &str) -> String {
    let lower = why.to_ascii_lowercase();
    let hint = if lower.contains("causedasendentity") {
        "\nhint: the server shows the certificate of an authority, not one that an authority has signed; `--insecure` trusts anybody"
    } else if lower.contains("certificate") || lower.contains("unknownissuer") {
        "\nhint: `--cacert FILE` trusts the server's own authority; `--insecure` trusts anybody"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "\nhint: the server does not speak TLS here: write `http` in place of `https`"
    } else {
        ""
    };
    format!("cannot connect to {why}; nothing was sent{hint}")
}

/// A server that does not know us.
pub fn login(reply: &Reply) -> String {
    format!(
        "{}; nothing was sent\nhint: check the user and the password (`--user`, `--password-file`), or the key (`--api-key-file`, `--bearer-file`)",
        said(reply)
    )
}
