//! Logins with a name and a password: Kuzzle gives a token for an hour, and says of one that has expired that it is invalid
//! (contract of Kuzzle, 1.6).

use super::answer::fault_of;
use crate::sink::http::{Reply, Session};
use serde_json::Value;

/// Where tokens come from.
pub(super) fn session(user: &str, password: &str) -> Session {
    let login = Session::ask("/_login/local", user, password);
    Session { login, token_of, is_refused, now: Default::default() }
}

fn token_of(reply: &Reply) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    body.pointer("/result/jwt").and_then(Value::as_str).map(str::to_owned)
}

fn is_refused(reply: &Reply) -> bool {
    reply.status == 401 && fault_of(reply).is_some_and(|fault| fault.id().starts_with("security.token."))
}
