//! Answers, as Elasticsearch words them, and what may be done to them on their way.

use super::READ_WAIT;
use super::request::{Request, Sent};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};

/// An answer, perhaps with a harm.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub(super) harm: Harm,
    pub(super) gate: Option<Gate>,
}

/// What is done to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    None,
    /// The whole request is read, nothing is answered.
    CloseAfterReading,
    /// So many bytes of the body are sent, then the connection is closed.
    CutAfter(usize),
    /// The head announces so many bytes; the body is sent as it is.
    ContentLength(usize),
    /// The answer is whole, then the connection is closed without a word of warning in the head.
    CloseAfterReply,
}

/// Holds an answer back until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().expect("no test panics here") = true;
        self.0.1.notify_all();
    }

    /// Whether it was opened before patience ended.
    pub(super) fn wait(&self) -> bool {
        let guard = self.0.0.lock().expect("no test panics here");
        *self.0.1.wait_timeout_while(guard, READ_WAIT, |open| !*open).expect("no test panics here").0
    }
}

/// What the server says of one action. Index and id are the action's own.
#[derive(Clone, Debug)]
pub enum Item {
    /// The result, and the version.
    Done(&'static str, i64),
    /// The status, type and reason; `{id}` in it becomes the action's id.
    Failed(u16, &'static str, String),
    /// The whole item as it is.
    Raw(Value),
}

pub fn created() -> Item {
    Item::Done("created", 1)
}

pub fn updated() -> Item {
    Item::Done("updated", 2)
}

pub fn deleted() -> Item {
    Item::Done("deleted", 2)
}

pub fn not_found() -> Item {
    Item::Done("not_found", 1)
}

pub fn noop() -> Item {
    Item::Done("noop", 1)
}

/// A `create` of a key that exists.
pub fn duplicate() -> Item {
    Item::Failed(
        409,
        "version_conflict_engine_exception",
        "[{id}]: version conflict, document already exists (current version [1])".to_owned(),
    )
}

/// An action that the server has no room for now.
pub fn busy() -> Item {
    Item::Failed(429, "es_rejected_execution_exception", "rejected execution of primary operation".to_owned())
}

pub fn failed(status: u16, kind: &'static str, reason: &str) -> Item {
    Item::Failed(status, kind, reason.to_owned())
}

/// A document that does not fit the mapping.
pub fn unfit() -> Item {
    failed(
        400,
        "mapper_parsing_exception",
        "failed to parse field [n] of type [long] in document with id '{id}'. Preview of field's value: 'x'",
    )
}

impl Item {
    /// The item for an action, at its place.
    fn of(&self, action: &Sent, at: usize) -> Value {
        let shards = json!({"total": 2, "successful": 1, "failed": 0});
        match self {
            Item::Raw(item) => item.clone(),
            Item::Done(result, version) => {
                let status = match *result {
                    "created" => 201,
                    "not_found" => 404,
                    _ => 200,
                };
                json!({action.op.as_str(): {"_index": action.index, "_id": action.id, "_version": version, "result": result,
                    "_shards": shards, "_seq_no": at, "_primary_term": 1, "status": status}})
            }
            Item::Failed(status, kind, reason) => {
                let reason = reason.replace("{id}", action.id.as_deref().unwrap_or_default());
                json!({action.op.as_str(): {"_index": action.index, "_id": action.id, "status": status,
                    "error": {"type": kind, "reason": reason, "index_uuid": "aAbBcCdDeEfFgGhHiIjJkK", "shard": "0", "index": action.index}}})
            }
        }
    }
}

impl Reply {
    pub fn new(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), harm: Harm::None, gate: None }
    }

    pub fn json(status: u16, body: Value) -> Reply {
        Reply { body: body.to_string().into_bytes(), ..Reply::new(status) }.header("Content-Type", "application/json")
    }

    /// A body that is called JSON, whatever it is.
    pub fn bytes(status: u16, body: Vec<u8>) -> Reply {
        Reply { body, ..Reply::new(status) }.header("Content-Type", "application/json")
    }

    pub fn text(status: u16, body: &str) -> Reply {
        Reply { body: body.as_bytes().to_vec(), ..Reply::new(status) }
            .header("Content-Type", "text/plain; charset=UTF-8")
    }

    pub fn html(status: u16, title: &str) -> Reply {
        let body =
            format!("<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n");
        Reply { body: body.into_bytes(), ..Reply::new(status) }.header("Content-Type", "text/html")
    }

    /// A file of `testdata/wire` as JSON.
    pub fn file(status: u16, name: &str) -> Reply {
        let body = std::fs::read(crate::support::testdata("wire").join(name)).expect("a file of testdata/wire");
        Reply { body, ..Reply::new(status) }.header("Content-Type", "application/json")
    }

    /// A whole request that is refused, as Elasticsearch says it.
    pub fn refused(status: u16, kind: &str, reason: &str) -> Reply {
        let cause = json!({"type": kind, "reason": reason});
        Reply::json(status, json!({"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status}))
    }

    /// A bulk answer with these items for the request's actions.
    pub fn bulk(request: &Request, items: &[Item]) -> Reply {
        let actions = request.actions();
        assert_eq!(actions.len(), items.len(), "actions in {}", request.text());
        let of = |(at, (item, action)): (usize, (&Item, &Sent))| item.of(action, at);
        let items: Vec<Value> = items.iter().zip(&actions).enumerate().map(of).collect();
        Reply::items(items)
    }

    /// A bulk answer with these items, whatever was asked.
    pub fn items(items: Vec<Value>) -> Reply {
        let failed = |item: &Value| {
            item.as_object().is_some_and(|item| item.values().any(|result| result.get("error").is_some()))
        };
        Reply::json(200, json!({"took": 3, "errors": items.iter().any(failed), "items": items}))
    }

    /// A multi-get's answer: these documents by their ids, whatever else was asked is not there.
    pub fn documents(request: &Request, sources: &[(&str, &str)]) -> Reply {
        let asked = request.json();
        let in_url = request.path.strip_suffix("/_mget").map(|path| path.trim_start_matches('/')).unwrap_or_default();
        let ids = asked["ids"].as_array().into_iter().flatten().map(|id| json!({"_id": id}));
        let docs = asked["docs"].as_array().into_iter().flatten().cloned().chain(ids).map(|doc| {
            let index = doc["_index"].as_str().unwrap_or(in_url);
            let id = doc["_id"].as_str().expect("a multi-get names ids");
            let head = format!("\"_index\":{},\"_id\":{}", json!(index), json!(id));
            match sources.iter().find(|(one, _)| *one == id) {
                Some((_, source)) => format!(
                    "{{{head},\"_version\":1,\"_seq_no\":0,\"_primary_term\":1,\"found\":true,\"_source\":{source}}}"
                ),
                None => format!("{{{head},\"found\":false}}"),
            }
        });
        let body = format!("{{\"docs\":[{}]}}", docs.collect::<Vec<_>>().join(","));
        Reply { body: body.into_bytes(), ..Reply::new(200) }.header("Content-Type", "application/json")
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn harm(mut self, harm: Harm) -> Reply {
        self.harm = harm;
        self
    }

    /// Holds it back until the gate is opened.
    pub fn behind(mut self, gate: &Gate) -> Reply {
        self.gate = Some(gate.clone());
        self
    }
}

pub fn send(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    if reply.harm == Harm::CloseAfterReading {
        return Ok(());
    }
    let reason = match reply.status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", reply.status);
    for (name, value) in &reply.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let length = match reply.harm {
        Harm::ContentLength(length) => length,
        _ => reply.body.len(),
    };
    text += &format!("Content-Length: {length}\r\n\r\n");
    let body = match reply.harm {
        Harm::CutAfter(many) => &reply.body[..many.min(reply.body.len())],
        _ => &reply.body[..],
    };
    stream.write_all(&[text.as_bytes(), body].concat())?;
    stream.flush()
}
