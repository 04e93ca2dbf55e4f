//! A login that gives out a token for some time. It happens when the first request needs a token, and again when the server
//! rejects the token. The lanes share it, so one of them renews the token for all.

use super::{Http, Method, Request, Response, SendError, SendResult};
use crate::mask;
use serde_json::Value;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How to get a token, and the current one.
pub struct Session {
    /// The request for a token.
    pub login: Request,
    /// Reads the token in the response.
    pub token_of: fn(&Response) -> Option<String>,
    /// Whether a response rejects the token, so that nothing was done.
    pub is_refused: fn(&Response) -> bool,
    /// The current token.
    pub current: Mutex<Option<String>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(***)")
    }
}

impl Session {
    /// A request for a token with a user name and a password.
    pub fn login_request(path: &str, user: &str, password: &str) -> Request {
        let (user, password) = (Value::from(user), Value::from(password));
        let body = format!("{{\"username\":{user},\"password\":{password}}}");
        Request::json(Method::POST, path, body)
    }

    /// The current token, or a new one if that is `rejected`; else the result of the failed login. The other lanes wait
    /// while one of them logs in.
    pub(super) fn token(&self, http: &mut Http, rejected: Option<&str>) -> Result<String, SendResult> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = current.as_deref().filter(|token| Some(*token) != rejected) {
            return Ok(token.to_owned());
        }
        let unsent = |why: String, hopeless| Err(Err(SendError::NotSent { why, hopeless }));
        match http.send_with(self.login.clone(), None) {
            Ok(response) if response.is_success() => match (self.token_of)(&response) {
                Some(token) => {
                    mask::remember(&token);
                    Ok(current.insert(token).clone())
                }
                None => unsent("the answer to the login has no token".to_owned(), true),
            },
            // Whatever happened to the login, the request itself was not sent.
            Ok(response) if response.status >= 500 && response.status != 503 => {
                unsent(format!("{} for the login", response.status_line()), false)
            }
            Ok(response) => Err(Ok(response)),
            Err(SendError::NoResponse(why) | SendError::TooLong(why)) => unsent(why, false),
            Err(error) => Err(Err(error)),
        }
    }
}
