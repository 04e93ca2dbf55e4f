//! Requests as they come: read from a connection, and held to HTTP and the bulk API.

use super::panic_text;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// In the order of the URL, unescaped.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Unpacked where it was sent as gzip.
    pub body: Vec<u8>,
    /// The number of its connection, from 1.
    pub connection: usize,
    /// When its head had come.
    pub at: Instant,
}

/// One action of a bulk body.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub op: String,
    /// The one that the line names, else the one of the URL.
    pub index: String,
    pub id: Option<String>,
    pub meta: Value,
    /// The action line, and the line after it where there is one, to the byte.
    pub line: String,
    pub doc: Option<String>,
}

impl Request {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body is UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }

    /// The actions of a bulk body, as a server splits them.
    pub fn actions(&self) -> Vec<Sent> {
        if super::kuzzle::is_import(self) {
            return super::kuzzle::actions(self);
        }
        let mut lines = self.text().split_terminator('\n');
        let mut actions = Vec::new();
        while let Some(line) = lines.next() {
            let action: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("action line {line:?}: {why}"));
            let (op, meta) =
                action.as_object().and_then(|action| action.iter().next()).expect("an action line is an object");
            let text = |name: &str| match &meta[name] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let in_url = self.path.strip_suffix("/_bulk").and_then(|path| path.strip_prefix('/')).map(unescaped);
            actions.push(Sent {
                index: text("_index").or(in_url).unwrap_or_default(),
                id: text("_id"),
                doc: (op != "delete")
                    .then(|| lines.next().unwrap_or_else(|| panic!("{line} has no document")).to_owned()),
                op: op.clone(),
                meta: meta.clone(),
                line: line.to_owned(),
            });
        }
        actions
    }

    /// The ids of its actions; those of no action line are empty.
    pub fn ids(&self) -> Vec<String> {
        self.actions().into_iter().map(|action| action.id.unwrap_or_default()).collect()
    }
}

/// Reads a head and not one byte more, so that a body can be left unread. None at the end of the connection.
pub fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut ahead = [0; 16384];
    loop {
        let many = stream.peek(&mut ahead).ok().filter(|many| *many > 0)?;
        let before = head.len();
        head.extend_from_slice(&ahead[..many]);
        let end = head.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        head.truncate(end.unwrap_or(head.len()));
        stream.read_exact(&mut ahead[..head.len() - before]).ok()?;
        if end.is_some() {
            return String::from_utf8(head).ok();
        }
    }
}

pub fn parse_head(head: &str, connection: usize) -> Result<Request, &'static str> {
    let mut lines = head.trim_end().split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1")) = (words.next(), words.next(), words.next()) else {
        return Err("no request line of HTTP/1.1");
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("missing colon")?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    });
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.collect(),
        headers,
        body: Vec::new(),
        connection,
        at: Instant::now(),
    })
}

/// A part of a URL without its `%` escapes.
pub fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let escape = (first == b'%').then(|| std::str::from_utf8(more.get(..2)?).ok()).flatten();
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (rest, bytes) = (&more[2..], [bytes, vec![byte]].concat()),
            None => (rest, bytes) = (more, [bytes, vec![first]].concat()),
        }
    }
    String::from_utf8(bytes).expect("a URL is UTF-8")
}

pub fn read_body(stream: &mut TcpStream, request: &mut Request) -> Result<(), String> {
    if request.header("transfer-encoding").is_some() {
        return Err("Transfer-Encoding, where a Content-Length was due".to_owned());
    }
    let length = request.header("content-length").unwrap_or("0").parse();
    let length: usize = length.map_err(|_| "a Content-Length that is no number".to_owned())?;
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|why| why.to_string())?;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).map_err(|why| format!("a body of {length} bytes does not come: {why}"))?;
    request.body = match request.header("content-encoding") {
        None => body,
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&body[..])
                .read_to_end(&mut plain)
                .map_err(|why| format!("gzip: {why}"))?;
            plain
        }
        Some(other) => return Err(format!("Content-Encoding {other}")),
    };
    Ok(())
}

/// What every request must have, whatever a test is about.
pub fn holds_to_http(request: &Request) -> Vec<String> {
    let mut faults = Vec::new();
    if request.header("host").is_none() {
        faults.push("no Host".to_owned());
    }
    let has_body = ["POST", "PUT"].contains(&request.method.as_str());
    if has_body && request.header("content-length").is_none() {
        faults.push("no Content-Length".to_owned());
    }
    if super::kuzzle::is_import(request) {
        if request.header("content-type") != Some("application/json") {
            faults.push(format!("Content-Type {:?}, where JSON was due", request.header("content-type")));
        }
        if request.header("x-kuzzle-request-id").is_none() {
            faults.push("an import without X-Kuzzle-Request-Id".to_owned());
        }
        if let Err(why) = catch_unwind(AssertUnwindSafe(|| request.actions())) {
            faults.push(format!("no import: {}", panic_text(&*why)));
        }
    } else if request.path.ends_with("/_bulk") {
        if request.header("content-type") != Some("application/x-ndjson") {
            faults
                .push(format!("Content-Type {:?}, where application/x-ndjson was due", request.header("content-type")));
        }
        if !request.body.ends_with(b"\n") {
            faults.push("a bulk body that does not end with a newline".to_owned());
        }
        if request.header("x-opaque-id").is_none() {
            faults.push("a bulk request without X-Opaque-Id".to_owned());
        }
        if let Err(why) = catch_unwind(AssertUnwindSafe(|| request.actions())) {
            faults.push(format!("no bulk body: {}", panic_text(&*why)));
        }
    } else if !request.body.is_empty()
        && !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
    {
        faults.push(format!("a body with Content-Type {:?}", request.header("content-type")));
    }
    faults
}
