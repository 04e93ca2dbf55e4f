//! Login with a name and a password. The server exchanges them for a token that lasts about an hour, which saves it checking
//! the password of each request. Without a token, name and password are sent with each request.

use super::answer::ERRORS;
use crate::mask;
use crate::sink::http::{Http, Login, Request, Response, Session};
use crate::sink::remote::admin::{FIRST_TIMEOUT, no_response};
use crate::sink::remote::answer::denies_itself;
use crate::sink::wanted::Wanted;
use anyhow::Result;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// The session of a run, if it has a name and a password, and the server issues tokens.
///
/// # Errors
/// When there is no response, or the server rejects the login.
pub(super) fn session(http: &mut Http, wanted: &Wanted) -> Result<Option<Arc<Session>>> {
    let Some(Login::Basic(user, password)) = &wanted.http.login else { return Ok(None) };
    let login = Session::login_request("/_open/auth", user, password);
    let reply = http.send(Request { timeout: Some(wanted.http.timeout.min(FIRST_TIMEOUT)), ..login.clone() });
    let reply = reply.map_err(|reply| no_response(&reply))?;
    if reply.status == 401 {
        return Err(ERRORS.login_error(&reply));
    }
    let token = Some(&reply).filter(|reply| reply.is_success() && !denies_itself(reply)).and_then(token_of);
    token.iter().for_each(|token| mask::remember(token));
    let session = |token| Arc::new(Session { login, token_of, is_refused, current: Mutex::new(Some(token)) });
    Ok(token.map(session))
}

fn token_of(reply: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    body["jwt"].as_str().filter(|token| !token.is_empty()).map(str::to_owned)
}

fn is_refused(reply: &Response) -> bool {
    reply.status == 401
}
