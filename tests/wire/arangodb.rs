//! ArangoDB as tests script it: requests to both of its APIs, and their answers.

use super::{Exchange, Reply, Request, Wire, ask};
use crate::support::{Place, Ran};
use serde_json::json;

/// Imports this text into collection `c`, on one connection: JSON lines, unless the arguments say otherwise.
pub fn import(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    place.file("in", text);
    let kind: &[&str] = if arguments.contains(&"-t") { &[] } else { &["-t", "jsonl"] };
    place.run(&[&["--to", &wire.to_arangodb(), "-c", "c", "-j", "1"], kind, arguments, &["in"]].concat())
}

/// A request to the import API.
pub fn imports() -> Exchange {
    ask("POST", "/_db/shop/_api/import")
}

/// A request to the document API.
pub fn documents(method: &'static str) -> Exchange {
    ask(method, "/_db/shop/_api/document/c")
}

/// The import API's answer.
pub fn counts(created: u64, updated: u64, ignored: u64, details: &[&str]) -> Reply {
    let errors = details.len();
    let counts = json!({"error": false, "created": created, "errors": errors, "empty": 0, "updated": updated,
        "ignored": ignored, "details": details});
    Reply::json(201, counts)
}

pub fn body(request: &Request) -> String {
    String::from_utf8(request.body.clone()).expect("UTF-8")
}

#[track_caller]
pub fn count(ran: &Ran, name: &str) -> u64 {
    ran.summary[name].as_u64().unwrap_or_else(|| panic!("{name}: {}\n{}", ran.stdout, ran.stderr))
}

pub const TWO: &str = "{\"_key\":\"a\",\"n\":1.0}\n{\"n\":12345678901234567890,\"_key\":\"b\"}\n";

/// A server's error.
pub fn error(status: u16, number: u32, message: &str) -> Reply {
    Reply::json(status, json!({"error": true, "code": status, "errorNum": number, "errorMessage": message}))
}
