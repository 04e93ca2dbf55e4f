//! A login that gives out a token for some time. It is made when the first request needs it and again when the server no
//! longer takes the token; the lanes share it, so that one of them renews it for all.

use super::{Call, Http, Method, NoReply, Reply};
use serde_json::Value;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How a token is come by, and the one that holds now.
pub struct Session {
    /// The request that asks for a token.
    pub login: Call,
    /// The token in its answer.
    pub token_of: fn(&Reply) -> Option<String>,
    /// Whether an answer says that the token does not hold, so that nothing was done.
    pub is_refused: fn(&Reply) -> bool,
    /// The token.
    pub now: Mutex<Option<String>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(***)")
    }
}

/// Why there is no token: an answer of the server's, or none.
type NoToken = Result<Reply, NoReply>;

impl Session {
    /// The request for a token that takes a name and a password.
    pub fn ask(path: &str, user: &str, password: &str) -> Call {
        let (user, password) = (Value::from(user), Value::from(password));
        let body = format!("{{\"username\":{user},\"password\":{password}}}");
        Call::json(Method::POST, path, body)
    }

    /// The token that holds, other than `refused`; the lanes wait for the one that asks for it.
    pub(super) fn token(&self, http: &mut Http, refused: Option<&str>) -> Result<String, NoToken> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = now.as_deref().filter(|token| Some(*token) != refused) {
            return Ok(token.to_owned());
        }
        let unsent = |why: String, hopeless| Err(Err(NoReply::NotSent { why, hopeless }));
        match http.send_with(self.login.clone(), None) {
            Ok(reply) if reply.is_success() => match (self.token_of)(&reply) {
                Some(token) => Ok(now.insert(token).clone()),
                None => unsent("the answer to the login has no token".to_owned(), true),
            },
            // What was to be sent with the token was not sent, whatever became of the login.
            Ok(reply) if reply.status >= 500 && reply.status != 503 => {
                unsent(format!("{} for the login", reply.status_line()), false)
            }
            Ok(reply) => Err(Ok(reply)),
            Err(NoReply::Lost(why)) => unsent(why, false),
            Err(reply) => Err(Err(reply)),
        }
    }
}
