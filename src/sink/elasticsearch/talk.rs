//! Requests that carry no documents: questions and orders to the cluster, tried again until they are answered. Each of
//! them can be made twice without harm.

use crate::retry::{Retries, Wait, Why};
use crate::sink::http::{Call, Http, NoReply, Reply};
use crate::sink::remote::sentence;
use crate::stop::Stop;
use serde_json::Value;
use std::time::Duration;

/// A way to the cluster that is patient.
pub(super) struct Talk<'h> {
    pub(super) http: &'h mut Http,
    pub(super) retries: Retries,
    pub(super) stop: Stop,
}

impl Talk<'_> {
    /// Asks until there is an answer that is neither busy nor lost.
    ///
    /// # Errors
    /// When there is none; one sentence.
    pub(super) fn ask(&mut self, call: impl Fn() -> Call) -> Result<Reply, String> {
        let mut wait = Wait::new(self.retries);
        loop {
            let (why, text, asked) = match self.http.send(call()) {
                Ok(reply) if !matches!(reply.status, 429 | 502..=504) => return Ok(reply),
                Ok(reply) => (Why::Busy, said(&reply), reply.retry_after),
                Err(NoReply::NotSent { why, hopeless: true }) => return Err(why),
                Err(reply) => (Why::Away, sentence(&reply).to_owned(), None),
            };
            let pause = wait.next(why, asked).map_err(|used_up| format!("{text} ({used_up})"))?;
            self.sleep(pause).then_some(()).ok_or(text)?;
        }
    }

    /// Asks, and takes nothing but success for an answer.
    ///
    /// # Errors
    /// When there is none; one sentence.
    pub(super) fn order(&mut self, call: impl Fn() -> Call) -> Result<Value, String> {
        let reply = self.ask(call)?;
        if !reply.is_success() {
            return Err(said(&reply));
        }
        Ok(serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// False if the run is asked to stop.
    pub(super) fn sleep(&self, pause: Duration) -> bool {
        crate::sink::remote::nap(pause, &self.stop)
    }
}

/// What an answer that is no success says.
pub(super) fn said(reply: &Reply) -> String {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let error = body.as_ref().and_then(|body| body.get("error"));
    let member = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str);
    match (member("type"), member("reason"), error.and_then(Value::as_str)) {
        (Some(kind), Some(reason), _) => format!("{kind}: {reason}"),
        (_, _, Some(text)) => text.to_owned(),
        _ => format!("the server answers with status {}", reply.status),
    }
}
