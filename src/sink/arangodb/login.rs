//! Logins with a name and a password: the server gives a token for them, which lasts an hour or so and spares it the work of
//! checking a password for each request. Where it gives none, name and password go along with each request.

use crate::json::quote_into;
use crate::sink::http::{Call, Http, HttpOptions, Login, Method, NoReply, Reply, Session};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The session of these options, if they have a name and a password and the server gives tokens; its refusal otherwise.
///
/// # Errors
/// When there is no answer.
pub(super) fn session(
    http: &mut Http,
    options: &HttpOptions,
    timeout: Duration,
) -> Result<Result<Option<Arc<Session>>, Reply>, NoReply> {
    let Some(Login::Basic(user, password)) = &options.login else { return Ok(Ok(None)) };
    let mut body = String::from("{\"username\":");
    quote_into(&mut body, user);
    body.push_str(",\"password\":");
    quote_into(&mut body, password);
    body.push('}');
    let login = Call::json(Method::POST, "/_open/auth", body);
    let reply = http.send(Call { timeout: Some(timeout), ..login.clone() })?;
    if reply.status == 401 {
        return Ok(Err(reply));
    }
    let token = Some(&reply).filter(|reply| reply.is_success()).and_then(token_of);
    let session = |token| Arc::new(Session { login, token_of, is_refused, now: Mutex::new(Some(token)) });
    Ok(Ok(token.map(session)))
}

fn token_of(reply: &Reply) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    body.get("jwt").and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned)
}

fn is_refused(reply: &Reply) -> bool {
    reply.status == 401
}
