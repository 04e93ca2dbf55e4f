//! What a test scripts: what must be asked, and what is answered.

use super::reply::{Harm, Item, Reply};
use super::request::Request;
use std::sync::Arc;

pub type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;
type Check = Box<dyn Fn(&Request) + Send>;

/// What must be asked, and the answer.
pub struct Exchange {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) checks: Vec<Check>,
    pub(super) answer: Answer,
    /// Closed when the head is read; the body is not taken.
    pub(super) unread: bool,
}

/// An exchange that begins with a request of this method and path.
pub fn ask(method: &'static str, path: &str) -> Exchange {
    Exchange { method, path: path.to_owned(), checks: Vec::new(), answer: Arc::new(|_| Reply::new(200)), unread: false }
}

/// A bulk request, to whichever of its paths.
pub fn bulk() -> Exchange {
    ask("POST", "_bulk")
}

/// A multi-get, to whichever of its paths.
pub fn multi_get() -> Exchange {
    ask("POST", "_mget")
}

impl Exchange {
    pub(super) fn is_asked_by(&self, request: &Request) -> bool {
        self.method == request.method && fits(&self.path, &request.path)
    }

    /// It must have this header; its name in lower case.
    pub fn has(self, name: &'static str, value: impl Into<String>) -> Exchange {
        let value = value.into();
        self.check(move |request| assert_eq!(request.header(name), Some(value.as_str()), "header {name}"))
    }

    /// It must not have this header.
    pub fn without(self, name: &'static str) -> Exchange {
        self.check(move |request| assert_eq!(request.header(name), None, "header {name}"))
    }

    /// Its actions must have these ids, in this order.
    pub fn ids(self, ids: &[&str]) -> Exchange {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.check(move |request| assert_eq!(request.ids(), ids, "the ids"))
    }

    /// Asserts what it likes about the request.
    pub fn check(mut self, check: impl Fn(&Request) + Send + 'static) -> Exchange {
        self.checks.push(Box::new(check));
        self
    }

    pub fn reply(mut self, reply: Reply) -> Exchange {
        self.answer = Arc::new(move |_| reply.clone());
        self
    }

    pub fn reply_with(mut self, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Exchange {
        self.answer = Arc::new(reply);
        self
    }

    /// Answers a bulk request of as many actions with these items.
    pub fn answers(self, items: &[Item]) -> Exchange {
        let items = items.to_vec();
        self.reply_with(move |request| Reply::bulk(request, &items))
    }

    /// Closes the connection when the head was read: the server never has the body.
    pub fn cut_off(mut self) -> Exchange {
        self.unread = true;
        self
    }

    /// Reads the request and closes the connection: whether it was applied is for the rest of the script to say.
    pub fn lost(self) -> Exchange {
        self.reply(Reply::new(200).harm(Harm::CloseAfterReading))
    }
}

/// Whether a path is meant: all of it, with `*` for any one name, or its last name where the pattern has no slash.
pub fn fits(pattern: &str, path: &str) -> bool {
    if !pattern.contains('/') {
        return path.rsplit('/').next() == Some(pattern);
    }
    let (mut left, mut right) = (pattern.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || (one == "*" && !other.is_empty()) => {}
            _ => return false,
        }
    }
}
